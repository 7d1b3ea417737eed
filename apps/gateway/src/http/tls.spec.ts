import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { Client, openCapture, openConsole } from '@v3vee/client';
import { GrpcClient } from '@v3vee/grpc';
import { TestGateway } from '../testing/test-gateway.fixture';
import { readTls } from './tls';

/** Made for these tests alone. */
const file = (name: string) => join(__dirname, '..', 'testing', 'tls', name);
const cert = file('cert.pem');
const key = file('key.pem');

describe('TLS', () => {
  const refused = (message: string) =>
    expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) });

  it('is not asked for by default', () => {
    expect(readTls({})).toBeUndefined();
  });

  it.each([
    [{ V3_TLS_CERT: cert }, 'V3_TLS_CERT is set, so V3_TLS_KEY has to be, too'],
    [{ V3_TLS_KEY: key }, 'V3_TLS_KEY is set, so V3_TLS_CERT has to be, too'],
    [{ V3_TLS_CERT: '/nonexistent', V3_TLS_KEY: key }, 'V3_TLS_CERT: ENOENT'],
    [{ V3_TLS_CERT: key, V3_TLS_KEY: key }, 'no PEM certificate and its key'],
    [{ V3_TLS_CERT: file('renewed-cert.pem'), V3_TLS_KEY: key }, 'no PEM certificate and its key'],
  ])('says what is wrong with %j', (config, message) => {
    expect(() => readTls(config)).toThrow(refused(message));
  });

  describe('a gateway with a certificate', () => {
    let gateway: TestGateway;
    let client: Client;
    let url: string;
    beforeAll(async () => {
      gateway = await TestGateway.start({ V3_TLS_CERT: cert, V3_TLS_KEY: key });
      url = `https://127.0.0.1:${gateway.port}`;
      client = new Client({ url, token: gateway.token, ca: readFileSync(cert, 'utf8') });
    });
    afterAll(async () => {
      client?.close();
      await gateway?.stop();
    });

    it('serves requests, streams and consoles to who trusts it', async () => {
      expect((await client.call('getSelf', {})).role).toBe('admin');
      await expect(openCapture(client, { point: 'none/net0' })).rejects.toMatchObject({
        code: 'CAPTURE_POINT_NOT_FOUND',
      });
      await expect(openConsole(client, 'none')).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
    });

    it('serves gRPC over TLS alone, as REST is served', async () => {
      const [address, token] = [gateway.grpcAddress, gateway.token];
      const grpc = new GrpcClient({ address, token, ca: readFileSync(cert, 'utf8') });
      expect(await grpc.call('getSelf', {})).toEqual(await client.call('getSelf', {}));
      await expect(grpc.stream('capture', { point: 'none/net0' })).rejects.toMatchObject({
        code: 'CAPTURE_POINT_NOT_FOUND',
      });
      const plain = new GrpcClient({ address, token, retryForMs: 0 });
      await expect(plain.call('getSelf', {})).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
      grpc.close();
      plain.close();
    });

    it('has nothing for who does not, nor without TLS', async () => {
      const strange = new Client({ url, token: gateway.token, retryForMs: 0 });
      await expect(strange.call('getSelf', {})).rejects.toThrow(/self.signed certificate/);
      const plain = new Client({ url: url.replace('https', 'http'), token: gateway.token, retryForMs: 0 });
      await expect(plain.call('getSelf', {})).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
      strange.close();
      plain.close();
    });
  });

  it('a renewed certificate is taken without a restart, a broken one is not', async () => {
    const gateway = await TestGateway.start({ V3_TLS_CERT: cert, V3_TLS_KEY: key });
    try {
      const [own, ownKey] = [join(gateway.folder, 'cert.pem'), join(gateway.folder, 'key.pem')];
      copyFileSync(cert, own);
      copyFileSync(key, ownKey);
      await gateway.restart(async () => gateway.setEnv({ V3_TLS_CERT: own, V3_TLS_KEY: ownKey }));
      const served = (port = gateway.port) =>
        new Promise<string>((resolve, reject) => {
          const socket = connect(
            { port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] },
            () => {
              resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
              socket.destroy();
            },
          ).on('error', reject);
        });
      const before = await served();
      copyFileSync(file('renewed-cert.pem'), own);
      copyFileSync(file('renewed-key.pem'), ownKey);
      process.emit('SIGHUP');
      const after = await served();
      expect(after).not.toBe(before);
      expect(await served(Number(gateway.grpcAddress.split(':').pop()))).toBe(after);
      const grpc = (ca: string) =>
        new GrpcClient({
          address: gateway.grpcAddress,
          token: gateway.token,
          ca: readFileSync(ca, 'utf8'),
          retryForMs: 0,
        });
      const [renewed, outdated] = [grpc(file('renewed-cert.pem')), grpc(cert)];
      expect((await renewed.call('getSelf', {})).role).toBe('admin');
      await expect(outdated.call('getSelf', {})).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
      renewed.close();
      outdated.close();
      writeFileSync(own, 'nonsense');
      process.emit('SIGHUP');
      expect(await served()).toBe(after);
    } finally {
      await gateway.stop();
    }
  });
});
