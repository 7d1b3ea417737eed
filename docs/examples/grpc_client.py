#!/usr/bin/env python3
"""A VM's life over gRPC: define, start, watch, command, move, delete. Needs V3_GRPC (HOST:PORT) and V3_TOKEN, and:

pip install grpcio grpcio-tools
python3 -m grpc_tools.protoc -I libs/contracts/proto --python_out=. --grpc_python_out=. libs/contracts/proto/v3vee/v1/*.proto
PYTHONPATH=. python3 docs/examples/grpc_client.py
"""
import os

import grpc
from v3vee.v1 import migrations_pb2, migrations_pb2_grpc, operations_pb2, operations_pb2_grpc
from v3vee.v1 import types_pb2, vms_pb2, vms_pb2_grpc

channel = grpc.insecure_channel(os.environ["V3_GRPC"])
auth = {"metadata": [("authorization", f"Bearer {os.environ['V3_TOKEN']}")]}
vms = vms_pb2_grpc.VmsStub(channel)
migrations = migrations_pb2_grpc.MigrationsStub(channel)
operations = operations_pb2_grpc.OperationsStub(channel)


def wait(operation):
    """What takes long answers with an operation."""
    while not operation.done:
        request = operations_pb2.WaitOperationRequest(operation=operation.id, timeout_seconds=20)
        operation = operations.WaitOperation(request, **auth)
    if operation.HasField("error"):
        raise RuntimeError(operation.error.detail)


spec = types_pb2.VmSpec(name="pg1", host="alpha", nics=[types_pb2.VmSpec.NicsItem(network="lan")])
vms.CreateVm(vms_pb2.CreateVmRequest(body=spec), **auth)
wait(vms.StartVm(vms_pb2.StartVmRequest(vm="pg1"), **auth))
watch = vms.WatchVms(vms_pb2.WatchVmsRequest(), **auth)
for line in watch:
    if line.name == "pg1" and line.object.state == "RUNNING":
        break
watch.cancel()

command = types_pb2.ExecRequest(command=["uname", "-s"])
result = vms.ExecVm(vms_pb2.ExecVmRequest(vm="pg1", body=command), **auth)
print(f"exit code {result.exit_code}: {result.stdout.strip()}")

target = types_pb2.MigrationRequest(host="beta")
wait(migrations.MigrateVm(migrations_pb2.MigrateVmRequest(vm="pg1", body=target), **auth))
print("now on", vms.GetVm(vms_pb2.GetVmRequest(vm="pg1"), **auth).host)

wait(vms.StopVm(vms_pb2.StopVmRequest(vm="pg1"), **auth))
wait(vms.DeleteVm(vms_pb2.DeleteVmRequest(vm="pg1"), **auth))
