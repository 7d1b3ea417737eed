import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { Image } from '@v3vee/contracts';
import { TestGateway } from '../testing/test-gateway.fixture';
import { tinyKernel } from '../testing/image.fixture';

/** An entry of a cpio archive, `newc`. */
function entry(name: string, content: string, mode = 0o100644): string {
  const numbers = [1, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
  const head = `070701${numbers.map(value => value.toString(16).padStart(8, '0')).join('')}${name}\0`;
  const padded = (text: string) => text.padEnd(Math.ceil(text.length / 4) * 4, '\0');
  return padded(head) + padded(content);
}
const cpio = (...entries: string[]): Buffer =>
  Buffer.from([...entries, entry('TRAILER!!!', '')].join(''), 'latin1');

describe('hostile imports', () => {
  let gateway: TestGateway;
  let kernel: string;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    await gateway.withHosts('alpha');
    await gateway.ok('post', '/v1/vms', { name: 'a1', host: 'alpha' });
  });
  afterAll(() => gateway?.stop());
  beforeEach(async () => {
    kernel = await upload(tinyKernel());
  });

  const upload = async (bytes: Buffer): Promise<string> => {
    const digest = createHash('sha256').update(bytes).digest('hex');
    await gateway.call('put', `/v1/blobs/${digest}`).type('application/octet-stream').send(bytes).expect(201);
    return digest;
  };
  /** All files of the gateway, but blobs that wait to be taken. */
  const files = async () =>
    (await readdir(gateway.folder, { recursive: true }))
      .filter(name => !/blobs|\bstates?\/locks/.test(name))
      .sort();
  const imports: [string, string, (name: string, blob: string) => object][] = [
    ['image', '/v1/images:import', (name, blob) => ({ name, kernel: blob })],
    ['disk', '/v1/disks', (name, blob) => ({ name, blob })],
    ['snapshot', '/v1/snapshots:import', (name, blob) => ({ name, blob, vm: 'a1' })],
  ];
  const names = [
    ...[
      '../evil',
      '..',
      '.',
      '/etc/evil',
      'a/../../evil',
      'a/b',
      '..\\evil',
      'a\0b',
      '%2e%2e%2fevil',
      '~/evil',
    ],
    ...['', ' ', 'CON ', 'x'.repeat(300), '\u202egnp.exe', 'a\nb', '-rf', '$(id)'],
  ];

  describe.each(imports)('%s', (_, path, body) => {
    it.each(names)('a name like %j is refused, and no file is made', async name => {
      const before = await files();
      const response = await gateway.call('post', path, body(name, kernel));
      expect([response.status, response.body.code]).toEqual([400, 'INVALID_REQUEST']);
      expect(await files()).toEqual(before);
    });

    it.each(['../token', '/etc/passwd', `${'a'.repeat(61)}/..`, 'A'.repeat(64), `${'a'.repeat(64)}\n`, ''])(
      'a digest like %j is refused before a file is looked at',
      async blob => {
        const response = await gateway.call('post', path, body('fine', blob));
        expect([response.status, response.body.code]).toEqual([400, 'INVALID_REQUEST']);
      },
    );

    it('nothing is made of what was sent under a wrong sum, or broke off', async () => {
      const digest = createHash('sha256').update('the whole').digest('hex');
      const put = gateway.call('put', `/v1/blobs/${digest}`).type('application/octet-stream');
      expect((await put.send(Buffer.from('the'))).body).toMatchObject({ status: 400, code: 'BLOB_CORRUPT' });
      const response = await gateway.call('post', path, body('fine', digest));
      expect(response.body).toMatchObject({ status: 404, code: 'BLOB_NOT_FOUND' });
    });
  });

  it('an initrd’s names and links are its guest’s: nothing of them is made here', async () => {
    const before = await files();
    const initrd = await upload(
      cpio(
        entry('../../../../tmp/evil', 'x'),
        entry('/etc/evil', 'x'),
        entry('link', '/etc/passwd', 0o120777),
        entry('link/evil', 'x'),
      ),
    );
    const image = await gateway.ok<Image>('post', '/v1/images:import', { name: 'odd', kernel, initrd });
    expect(image.initrdBytes).toBeGreaterThan(0);
    const made = (await files()).filter(name => !before.includes(name));
    expect(made.every(name => /\/(images|odd)(\/|$)/.test(name) && !name.includes('evil'))).toBe(true);
  });

  it.each<[string, () => Buffer, string]>([
    [
      'that unpacks without end',
      () => Buffer.concat(Array<Buffer>(10).fill(gzipSync(Buffer.alloc(60 << 20)))),
      'unpacks to more than 512 MiB',
    ],
    ['that is cut off', () => gzipSync(cpio(entry('a', 'x'.repeat(10_000)))).subarray(0, 60), 'cut off'],
    [
      'whose entry is larger than it',
      () => cpio(entry('a', 'x').replace('00000001', 'ffffffff')).subarray(0, 120),
      '',
    ],
    ['that is text', () => Buffer.from('<html></html>'), 'is not a cpio archive'],
  ])('an initrd %s is refused', async (_, make, words) => {
    const initrd = await upload(make());
    const response = await gateway.call('post', '/v1/images:import', { name: 'bomb', kernel, initrd });
    expect([response.status, response.body.code]).toEqual([400, 'IMAGE_INVALID']);
    expect(response.body.detail).toContain(words);
    expect((await gateway.call('get', '/v1/images/bomb')).status).toBe(404);
  });

  it.each<[string, () => Buffer]>([
    ['is empty', () => Buffer.alloc(0)],
    ['is no snapshot', () => tinyKernel()],
    ['has a label without end', () => Buffer.concat([Buffer.from('v3vee'), Buffer.alloc(4096, 0xff)])],
  ])('a snapshot that %s is refused before a host is asked', async (_, make) => {
    const blob = await upload(make());
    const response = await gateway.call('post', '/v1/snapshots:import', { blob });
    expect([response.status, response.body.code]).toEqual([400, 'STATE_INVALID']);
  });

  it.each([0, 511, 1_000])('a disk of %i bytes is refused', async length => {
    const blob = await upload(Buffer.alloc(length, 1));
    const response = await gateway.call('post', '/v1/disks', { name: 'odd', blob });
    expect([response.status, response.body.code]).toEqual([400, 'INVALID_REQUEST']);
    expect((await gateway.call('get', '/v1/disks/odd')).status).toBe(404);
  });
});
