import { createHash } from 'node:crypto';
import type { Disk, List, Vm } from '@v3vee/contracts';
import { TestGateway } from '../testing/test-gateway.fixture';

const sector = (value: number) => Buffer.alloc(512, value);

describe('disks', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    await gateway.withHosts('alpha');
  });
  afterAll(() => gateway.stop());

  const upload = async (bytes: Buffer) => {
    const digest = createHash('sha256').update(bytes).digest('hex');
    await gateway.call('put', `/v1/blobs/${digest}`).type('application/octet-stream').send(bytes).expect(201);
    return digest;
  };
  const names = async () => (await gateway.ok<List<Disk>>('get', '/v1/disks')).items.map(({ name }) => name);

  it('are made blank or of a raw image, exported, and deleted', async () => {
    const image = Buffer.concat([sector(1), sector(2), sector(0)]);
    await gateway.ok('post', '/v1/disks', { name: 'base', blob: await upload(image) });
    const blank = await gateway.ok<Disk>('post', '/v1/disks', { name: 'blank', size: '1MiB' });
    expect(blank).toMatchObject({ vm: null, bytes: 1 << 20, usedBy: [] });
    expect(await names()).toEqual(['base', 'blank']);
    const exported = await gateway.call('get', '/v1/disks/base:export').expect(200);
    expect(Buffer.compare(exported.body as Buffer, image)).toBe(0);
    await gateway.ok('delete', '/v1/disks/blank');
    expect(await names()).toEqual(['base']);
  });

  it.each([
    [{ name: 'base', size: 1 }, 409, 'DISK_EXISTS'],
    [{ name: 'x' }, 400, 'INVALID_REQUEST'],
    [{ name: 'x', size: '65GiB' }, 400, 'INVALID_REQUEST'],
    [{ name: 'x', blob: 'a'.repeat(64) }, 404, 'BLOB_NOT_FOUND'],
  ])('are refused as %j', async (body, status, code) => {
    const { body: problem } = await gateway.call('post', '/v1/disks').send(body).expect(status);
    expect(problem).toMatchObject({ code });
  });

  it('of a file that is no whole number of sectors are refused', async () => {
    const blob = await upload(Buffer.alloc(700, 1));
    const { body } = await gateway.call('post', '/v1/disks').send({ name: 'cut', blob }).expect(400);
    expect(body).toMatchObject({ detail: expect.stringContaining('may be truncated') });
    expect(await names()).toEqual(['base']);
  });

  it('are a VM’s: they keep what is on them while the definition says the same of them', async () => {
    const disks = [
      { name: 'data', size: '16MiB' },
      { name: 'tools', image: 'base', readOnly: true },
    ];
    const vm = await gateway.ok<Vm>('post', '/v1/vms', { name: 'd1', host: 'alpha', disks });
    expect(vm.disks).toMatchObject([
      { name: 'data', device: 'vda', bytes: 16 << 20, image: null, mount: '/mnt/data' },
      { name: 'tools', device: 'vdb', bytes: 1536, image: 'base', readOnly: true },
    ]);
    expect(await names()).toEqual(['base', 'd1/data', 'd1/tools']);
    expect(await gateway.ok<Disk>('get', '/v1/disks/base')).toMatchObject({ usedBy: ['d1/tools'] });
    expect(await gateway.ok<Disk>('get', '/v1/disks/d1%2Fdata')).toMatchObject({ vm: 'd1' });
    const ids = async () =>
      (await gateway.dataSource.query('SELECT id, name FROM vm_disk ORDER BY index')) as { id: string }[];
    const [data] = await ids();
    const again = [{ name: 'data', size: 16, mount: '/srv' }];
    expect((await gateway.ok<Vm>('patch', '/v1/vms/d1', { disks: again })).disks).toMatchObject([
      { mount: '/srv' },
    ]);
    expect(await ids()).toMatchObject([{ id: data!.id }]);
    await gateway.ok('patch', '/v1/vms/d1', { disks: [{ name: 'data', size: 32 }] });
    expect((await ids())[0]!.id).not.toBe(data!.id);
    const { body } = await gateway.call('delete', '/v1/disks/d1%2Fdata').expect(409);
    expect(body).toMatchObject({ code: 'DISK_IN_USE' });
  });

  it.each([
    [[{ name: 'a' }], 'is either blank, and needs a size, or of an image'],
    [[{ name: 'a', size: 1, image: 'base' }], 'is either blank'],
    [[{ name: 'a', size: 1, readOnly: true }], 'would be of no use'],
    [
      [
        { name: 'a', size: 1 },
        { name: 'a', size: 2 },
      ],
      'two disks are named "a"',
    ],
    [[{ name: 'a', size: 1, mount: '../etc' }], 'a mount point is a path such as /data'],
    [[{ name: 'a', size: 1, cdrom: true }], 'is of an image'],
    [Array.from({ length: 5 }, (_, i) => ({ name: `d${i}`, size: 1 })), 'at most 4 disks'],
  ])('of a VM are refused as %j', async (disks, message) => {
    const { body } = await gateway
      .call('post', '/v1/vms')
      .send({ name: 'bad', host: 'alpha', disks })
      .expect(400);
    expect(body).toMatchObject({ detail: expect.stringContaining(message) });
  });

  it('of an image that is not there are refused', async () => {
    const disks = [{ name: 'a', image: 'nothing' }];
    const { body } = await gateway
      .call('post', '/v1/vms')
      .send({ name: 'bad', host: 'alpha', disks })
      .expect(404);
    expect(body).toMatchObject({ code: 'DISK_NOT_FOUND', detail: expect.stringContaining('v3 disk import') });
  });
});
