// A VM's life over gRPC with the typed client: define, start, watch, command, move, delete.
// Needs V3_GRPC (HOST:PORT) and V3_TOKEN. In the checkout:
//   npx swc docs/examples -d dist --strip-leading-paths --config-file .swcrc && node dist/examples/grpc.js
import type { Operation } from '@v3vee/contracts';
import { GrpcClient } from '@v3vee/grpc';

/** What takes long answers with an operation. */
async function wait(client: GrpcClient, { id }: Operation): Promise<void> {
  for (;;) {
    const query = { timeoutSeconds: 20 };
    const { done, error } = await client.call('waitOperation', { operation: id }, { query });
    if (error) throw new Error(error.detail);
    if (done) return;
  }
}

async function main(client: GrpcClient): Promise<void> {
  await client.call('createVm', {}, { body: { name: 'g1', host: 'alpha', nics: [{ network: 'lan' }] } });
  await wait(client, await client.call('startVm', { vm: 'g1' }));
  // First what there is, then each change.
  const watch = await client.stream('watchVms', {});
  for await (const { object } of watch.messages) {
    const vm = object as { name: string; state: string } | null;
    if (vm?.name === 'g1' && vm.state === 'RUNNING') break;
  }

  const body = { command: ['uname', '-s'] };
  const { stdout, exitCode } = await client.call('execVm', { vm: 'g1' }, { body });
  console.log(`exit code ${exitCode}: ${stdout.trim()}`);

  await wait(client, await client.call('migrateVm', { vm: 'g1' }, { body: { host: 'beta' } }));
  console.log(`now on ${(await client.call('getVm', { vm: 'g1' })).host}`);

  await wait(client, await client.call('stopVm', { vm: 'g1' }));
  await wait(client, await client.call('deleteVm', { vm: 'g1' }));
}

const client = new GrpcClient({ address: process.env.V3_GRPC ?? '', token: process.env.V3_TOKEN ?? '' });
void main(client).finally(() => client.close());
