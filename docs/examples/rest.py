#!/usr/bin/env python3
"""A VM's life over REST, with Python alone: define, start, watch, command, move, delete. Needs V3_URL and V3_TOKEN."""
import json
import os
import urllib.request
import uuid

URL, TOKEN = os.environ["V3_URL"], os.environ["V3_TOKEN"]


def send(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    # Errors (urllib.error.HTTPError) have a problem document as body; its "code" is stable.
    return urllib.request.urlopen(urllib.request.Request(URL + path, data, headers, method=method))


def call(method, path, body=None):
    with send(method, path, body) as response:
        return json.load(response)


def operate(method, path, body=None):
    """What takes long answers with an operation. With a requestId a repeat is safe."""
    operation = call(method, f"{path}?requestId={uuid.uuid4()}", body)
    while not operation["done"]:
        operation = call("GET", f"/v1/operations/{operation['id']}:wait?timeoutSeconds=20")
    if operation["error"]:
        raise RuntimeError(operation["error"]["detail"])
    return operation


call("POST", "/v1/vms", {"name": "py1", "host": "alpha", "nics": [{"network": "lan"}]})
operate("POST", "/v1/vms/py1:start", {})
with send("GET", "/v1/vms?watch=true") as lines:
    for line in map(json.loads, lines):
        vm = line.get("object") or {}
        if line["name"] == "py1" and vm.get("state") == "RUNNING":
            break

result = call("POST", "/v1/vms/py1:exec", {"command": ["uname", "-s"]})
print(f"exit code {result['exitCode']}: {result['stdout'].strip()}")

operate("POST", "/v1/vms/py1:migrate", {"host": "beta"})
print("now on", call("GET", "/v1/vms/py1")["host"])

operate("POST", "/v1/vms/py1:stop", {})
operate("DELETE", "/v1/vms/py1")
