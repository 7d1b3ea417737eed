// A VM's life over REST with the typed client: define, start, watch, command, console, move, delete.
// Needs V3_URL and V3_TOKEN. In the checkout:
//   npx swc docs/examples -d dist --strip-leading-paths --config-file .swcrc && node dist/examples/rest.js
import { Client, execInVm, openConsole, watchList } from '@v3vee/client';

async function main(client: Client): Promise<void> {
  await client.call('createVm', {}, { body: { name: 'ts1', host: 'alpha', nics: [{ network: 'lan' }] } });
  await client.operate('startVm', { vm: 'ts1' });
  // First what there is, then each change, also over a restart of the gateway.
  for await (const { name, object } of watchList(client, 'vms')) {
    if (name === 'ts1' && object?.state === 'RUNNING') break;
  }

  const { stdout, exitCode } = await execInVm(client, 'ts1', ['uname', '-s']);
  console.log(`exit code ${exitCode}: ${stdout.toString().trim()}`);

  const { stream } = await openConsole(client, 'ts1');
  stream.write('echo $((6 * 7))-typed\n');
  let screen = '';
  for await (const bytes of stream) {
    screen += String(bytes);
    if (screen.includes('42-typed')) break;
  }
  console.log('the console answers');

  await client.operate('migrateVm', { vm: 'ts1' }, { body: { host: 'beta' } });
  console.log(`now on ${(await client.call('getVm', { vm: 'ts1' })).host}`);

  await client.operate('stopVm', { vm: 'ts1' });
  await client.operate('deleteVm', { vm: 'ts1' });
}

const client = new Client({ url: process.env.V3_URL ?? '', token: process.env.V3_TOKEN ?? '' });
void main(client).finally(() => client.close());
