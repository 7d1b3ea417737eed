import { createHash, randomBytes } from 'node:crypto';
import type { ServiceError } from '@grpc/grpc-js';
import { rawSubjects, type TraceLine } from '@v3vee/contracts';
import { api, errorOf, GrpcClient, serviceDefinition, type Wire } from '@v3vee/grpc';
import { failure, GrpcRig } from '../testing/grpc-rig.fixture';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import type { TestGateway } from '../testing/test-gateway.fixture';

describe('gRPC streams', () => {
  let rig: GrpcRig;
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let client: GrpcClient;
  beforeAll(async () => {
    rig = await GrpcRig.start();
    ({ gateway, alpha, client } = rig);
  });
  afterAll(() => rig?.stop());

  const event = (value: number, detail = '') =>
    JSON.stringify({
      ...{
        atUs: 1_700_000_000_000_000,
        vm: rig.vm.id,
        event: 'write',
        register: 'ISR',
        offset: 62,
        size: 2,
        value,
      },
      ...{ class: 'open', detail },
    });

  it('a trace, until its reader leaves', async () => {
    const { messages, stop } = await client.stream('traceDevice', { device: 'alpha/eth0' });
    await gateway.until(async () => alpha.traces.size === 1);
    alpha.tracing(event(1), event(2));
    const values: unknown[] = [];
    for await (const line of messages) if (values.push((line as { value: number }).value) === 2) break;
    expect(values).toEqual([1, 2]);
    stop();
    await gateway.until(async () => alpha.traces.size === 0);
  });

  it('to a slow reader go without some, and say how many', async () => {
    const { messages } = await client.stream('traceDevice', { device: 'alpha/eth0' });
    await gateway.until(async () => alpha.traces.size === 1);
    const detail = 'x'.repeat(60_000);
    const count = 400;
    for (let n = 0; n < count; n++) {
      alpha.tracing(event(n, detail));
      await gateway.bus.flush();
    }
    let last: TraceLine | undefined;
    // Its device is no more, which ends it.
    await gateway.operate('post', '/v1/cluster:apply', {
      hosts: { alpha: null },
      networks: { lan: { subnet: '10.10.0.0/24' } },
    });
    for await (const line of messages) last = line as unknown as TraceLine;
    const { delivered, dropped, ended } = last as { delivered: number; dropped: number; ended: string };
    expect(delivered + dropped).toBe(count);
    expect(dropped).toBeGreaterThan(0);
    expect(ended).toContain('there is no physical device');
  });

  it('fail at once with what REST answers', async () => {
    await expect(client.stream('traceDevice', { device: 'alpha/eth9' })).rejects.toMatchObject({
      code: 'DEVICE_NOT_FOUND',
    });
    await expect(client.stream('watchMigration', { migration: 'x' })).rejects.toMatchObject({
      code: 'MIGRATION_NOT_FOUND',
    });
  });

  it('bytes both ways: what is uploaded comes back as a disk', async () => {
    const image = randomBytes(3 * 512 * 1024);
    const sha256 = createHash('sha256').update(image).digest('hex');
    const put = (pieces: Wire[]) => {
      const definition = serviceDefinition(api().services.find(({ name }) => name === 'Images')!).PutBlob!;
      return new Promise<Wire>((resolve, reject) => {
        const call = rig.channel.makeClientStreamRequest(
          definition.path,
          definition.requestSerialize,
          definition.responseDeserialize as (bytes: Buffer) => Wire,
          rig.metadata(),
          (error, answer) => (error ? reject(error) : resolve(answer as Wire)),
        );
        for (const piece of pieces) call.write(piece);
        call.end();
      });
    };
    const pieces = [0, 1, 2].map(n => ({ data: image.subarray(n * 512 * 1024, (n + 1) * 512 * 1024) }));
    expect(await put([{ sha256 }, ...pieces])).toMatchObject({ sha256, bytes: image.length });
    await client.call('createDisk', {}, { body: { name: 'base', blob: sha256 } });
    const parts: Buffer[] = [];
    const { messages } = await client.stream('exportDisk', { disk: 'base' });
    for await (const { data } of messages) parts.push(data as Buffer);
    expect(Buffer.concat(parts).equals(image)).toBe(true);
    expect(errorOf(await failure(put([{ sha256 }, { data: Buffer.from('x') }])))).toMatchObject({
      code: 'BLOB_CORRUPT',
    });
    expect(errorOf(await failure(put([])))).toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('the console, until the VM stops', async () => {
    const typed: string[] = [];
    const input = gateway.bus.subscribeRaw(
      rawSubjects.consoleIn('alpha', rig.vm.id),
      bytes => void typed.push(Buffer.from(bytes).toString()),
    );
    await gateway.bus.flush();
    const definition = serviceDefinition(api().services.find(({ name }) => name === 'Vms')!).Console!;
    const call = rig.channel.makeBidiStreamRequest(
      definition.path,
      definition.requestSerialize as (wire: Wire) => Buffer,
      definition.responseDeserialize as (bytes: Buffer) => Wire,
      rig.metadata(),
    );
    let text = '';
    call.on('data', ({ data }: { data: Buffer }) => (text += data.toString()));
    const failing = new Promise<ServiceError>(resolve => call.once('error', resolve));
    call.write({ vm: 'a1', data: Buffer.from('ls\n') });
    await gateway.until(async () => typed.join('') === 'ls\n' && text.includes('login: '));
    await gateway.operate('post', '/v1/vms/a1:stop');
    expect(errorOf(await failing)).toMatchObject({
      code: 'VM_WRONG_STATE',
      message: expect.stringContaining('a1 is STOPPED'),
    });
    input.stop();
  });
});
