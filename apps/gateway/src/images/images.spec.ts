import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { MAX_BLOB_BYTES, type Image, type Vm } from '@v3vee/contracts';
import { tinyKernel } from '../testing/image.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

describe('images', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    await gateway.withHosts('alpha');
  });
  afterAll(() => gateway?.stop());

  const put = (digest: string, bytes: Buffer) =>
    gateway.call('put', `/v1/blobs/${digest}`).type('application/octet-stream').send(bytes);
  const upload = async (bytes: Buffer) => {
    const digest = sha256(bytes);
    const response = await put(digest, bytes);
    expect([response.status, response.body]).toEqual([201, { sha256: digest, bytes: bytes.length }]);
    return digest;
  };
  const blobs = () => readdir(join(gateway.folder, 'state', 'blobs'));
  const importing = async (body: object) =>
    (await gateway.call('post', '/v1/images:import', body)).body as Record<string, unknown>;

  it('that set-up built are shown, and stay', async () => {
    const image = await gateway.ok<Image>('get', '/v1/images/debian');
    expect(image).toMatchObject({ name: 'debian', kind: 'built', agent: true, cmdline: 'console=ttyS0' });
    const other = expect.objectContaining({ name: 'debian-wifi', wifi: true });
    expect(await gateway.ok('get', '/v1/images')).toEqual({ items: [image, other], nextPageToken: '' });
    const response = await gateway.call('delete', '/v1/images/debian');
    expect(response.body).toMatchObject({ status: 409, code: 'IMAGE_IN_USE' });
  });

  it('are made of uploaded files, used, and deleted when nobody uses them', async () => {
    const kernel = await upload(tinyKernel());
    const image = await gateway.ok<Image>('post', '/v1/images:import', {
      name: 'mine',
      kernel,
      cmdline: 'console=ttyS0 quiet',
    });
    expect(image).toMatchObject({
      name: 'mine',
      kind: 'imported',
      kernelBytes: 512,
      initrdBytes: 0,
      agent: false,
    });
    expect(await blobs()).toEqual([]);
    await gateway.ok<Vm>('post', '/v1/vms', { name: 'user', host: 'alpha', image: 'mine' });
    const inUse = await gateway.call('delete', '/v1/images/mine');
    expect(inUse.body).toMatchObject({
      status: 409,
      code: 'IMAGE_IN_USE',
      detail: 'image mine is used by user; delete those first',
    });
    await gateway.operate('delete', '/v1/vms/user');
    await gateway.ok('delete', '/v1/images/mine');
    expect((await gateway.call('get', '/v1/images/mine')).body).toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  it.each([
    ['no kernel', Buffer.from('#!/bin/sh\n'), 'the kernel is not a kernel'],
    ['a 64-bit kernel', tinyKernel(62, 2), 'the kernel is a 64-bit kernel'],
  ])('are not made of %s', async (_, bytes, words) => {
    const kernel = await upload(bytes);
    expect(await importing({ name: 'bad', kernel })).toMatchObject({
      status: 400,
      code: 'IMAGE_INVALID',
      detail: expect.stringContaining(words),
    });
    expect((await gateway.call('get', '/v1/images/bad')).status).toBe(404);
  });

  it('are not made with a truncated initrd', async () => {
    const kernel = await upload(tinyKernel());
    const initrd = await upload(Buffer.from('070701'.padEnd(60, '0')));
    expect(await importing({ name: 'bad', kernel, initrd })).toMatchObject({
      code: 'IMAGE_INVALID',
      detail: expect.stringContaining('the initrd is cut off'),
    });
  });

  it('of one name are made once', async () => {
    const kernel = await upload(tinyKernel());
    expect(await importing({ name: 'debian', kernel })).toMatchObject({ status: 409, code: 'IMAGE_EXISTS' });
  });

  describe('an upload', () => {
    beforeEach(async () => {
      for (const blob of await blobs()) expect(blob).toMatch(/^[0-9a-f]{64}$/);
    });

    it('of a megabyte and more arrives whole', async () => {
      await upload(randomBytes(3 * 1024 * 1024));
    });

    it('that does not match its digest is refused and not kept', async () => {
      const digest = sha256('other');
      expect((await put(digest, Buffer.from('this'))).body).toMatchObject({
        status: 400,
        code: 'BLOB_CORRUPT',
        detail: expect.stringContaining(`not ${digest}`),
      });
      expect(await blobs()).not.toContain(digest);
    });

    it('under something that is no digest is refused', async () => {
      for (const name of ['x', '..%2f..%2ftoken', 'A'.repeat(64)]) {
        expect((await put(name, Buffer.from('x'))).body).toMatchObject({
          status: 400,
          code: 'INVALID_REQUEST',
          detail: expect.stringContaining('64 lower-case hexadecimal digits'),
        });
      }
    });

    it('that says it is too large is refused before it is sent', async () => {
      const response = await raw(sha256('x'), { 'Content-Length': MAX_BLOB_BYTES + 1 });
      expect(response).toMatchObject({ status: 413, code: 'BODY_TOO_LARGE' });
    });

    it('that breaks off leaves nothing', async () => {
      const digest = sha256('broken');
      await raw(digest, { 'Content-Length': 1000 }, client => {
        client.write('part of it');
        setTimeout(() => client.destroy(), 50);
      }).catch(() => undefined);
      await gateway.until(async () => (await blobs()).every(name => /^[0-9a-f]{64}$/.test(name)));
      expect(await blobs()).not.toContain(digest);
      await gateway.ok('get', '/v1/images');
    });

    /** As a client that need not keep to HTTP's rules. */
    function raw(
      digest: string,
      headers: Record<string, string | number>,
      send?: (client: ReturnType<typeof request>) => void,
    ): Promise<{ status: number; code: string }> {
      return new Promise((resolve, reject) => {
        const client = request({
          port: gateway.port,
          method: 'PUT',
          path: `/v1/blobs/${digest}`,
          headers: { Authorization: `Bearer ${gateway.token}`, ...headers },
        });
        client.on('error', reject);
        client.on('response', response => {
          let text = '';
          response.on('data', chunk => (text += String(chunk)));
          response.on('end', () => {
            client.destroy();
            resolve(JSON.parse(text) as { status: number; code: string });
          });
        });
        if (send) send(client);
        else client.flushHeaders();
      });
    }
  });
});
