import { once } from 'node:events';
import type { AuditEntry, List } from '@v3vee/contracts';
import request from 'supertest';
import WebSocket from 'ws';
import { TestGateway } from '../testing/test-gateway.fixture';
import { ServerNames } from './server-name';

describe('the name that a gateway is asked under', () => {
  const serves = (listen: string, known: string[], host: string | undefined): boolean => {
    const names = new ServerNames({ V3_HTTP_HOST: listen, V3_ALLOWED_HOSTS: known });
    try {
      names.require({ host });
      return true;
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'SERVER_NAME_NOT_ALLOWED' });
      return false;
    }
  };

  it.each([
    ...['127.0.0.1', '127.0.0.1:8080', '192.0.2.7:8080', '[::1]', '[::1]:8080', '[2001:db8::1]:1'],
    ...['localhost', 'LOCALHOST:8080', 'localhost.', 'a.localhost:1', undefined],
  ])('%s is served on a loopback address', host => {
    for (const listen of ['127.0.0.1', '::1', 'localhost']) expect(serves(listen, [], host)).toBe(true);
  });

  it.each([
    ...[
      'evil.test',
      'evil.test:8080',
      'localhost.evil.test',
      '127.0.0.1.evil.test',
      'notlocalhost',
      '',
      ':80',
    ],
    ...[
      '127.0.0.1@evil.test',
      'evil.test/127.0.0.1',
      'evil.test#localhost',
      '[evil.test]',
      '0x7f.1',
      '2130706433',
    ],
    ...['127.0.0.1 evil.test', '::1', 'localhost,evil.test', '[::1', 'localhost\\.evil.test'],
  ])('"%s" is not', host => {
    for (const listen of ['127.0.0.1', '::1', 'localhost']) expect(serves(listen, [], host)).toBe(false);
    expect(serves('0.0.0.0', ['gateway'], host)).toBe(false);
  });

  it('names that are said to be the gateway’s are, wherever it listens; a star is all', () => {
    for (const listen of ['127.0.0.1', '0.0.0.0']) {
      expect(serves(listen, ['gateway', 'v3.test'], 'V3.test:8080')).toBe(true);
      expect(serves(listen, ['gateway', 'v3.test'], 'other.test')).toBe(false);
      expect(serves(listen, ['*'], 'other.test')).toBe(true);
    }
  });

  it('on an address that others reach any name is served, unless it is said which', () => {
    expect(serves('0.0.0.0', [], 'cluster.test')).toBe(true);
    expect(serves('192.0.2.7', [], 'cluster.test')).toBe(true);
  });

  describe('of a real gateway', () => {
    let gateway: TestGateway;
    beforeAll(async () => {
      gateway = await TestGateway.start({ V3_ALLOWED_HOSTS: 'v3.test, Other.test' });
    });
    afterAll(() => gateway?.stop());

    it.each([
      ...['/v1/vms', '/v1/sessions', '/', '/docs', '/openapi.json', '/health/live', '/metrics', '/nothing'],
    ])('%s is refused under another name', async path => {
      const { body, headers } = await request(gateway.server)
        .get(path)
        .set('Host', 'evil.test:8080')
        .set('Authorization', `Bearer ${gateway.token}`)
        .set('Origin', 'http://evil.test:8080')
        .expect(421)
        .expect('Content-Type', /problem\+json/);
      expect(body).toMatchObject({ code: 'SERVER_NAME_NOT_ALLOWED', requestId: headers['x-request-id'] });
    });

    it('names of its configuration are served, and refusals are in the audit log', async () => {
      for (const host of ['v3.test:8080', 'other.test'])
        await gateway.call('get', '/v1/vms').set('Host', host).expect(200);
      const targets = ['/v1/vms?read', '/v1/vms?written'] as const;
      await request(gateway.server).get(targets[0]).set('Host', 'evil.test').expect(421);
      await request(gateway.server).post(targets[1]).set('Host', 'evil.test').expect(421);
      for (const target of targets) {
        const path = `/v1/audit?outcome=refused&target=${encodeURIComponent(target)}`;
        const { items } = await gateway.ok<List<AuditEntry>>('get', path);
        expect(items).toMatchObject([{ target, code: 'SERVER_NAME_NOT_ALLOWED', outcome: 'refused' }]);
      }
    });

    it('no console opens under another name', async () => {
      const at = (host: string) =>
        new WebSocket(`ws://127.0.0.1:${gateway.port}/v1/vms/none/console`, {
          headers: { Host: host, Origin: `http://${host}`, Authorization: `Bearer ${gateway.token}` },
        });
      const answer = async (host: string) => {
        const [, response] = (await once(at(host), 'unexpected-response')) as [
          unknown,
          { statusCode: number; resume(): void },
        ];
        response.resume();
        return response.statusCode;
      };
      expect(await answer('evil.test')).toBe(421);
      expect(await answer('v3.test')).toBe(404);
    });
  });
});
