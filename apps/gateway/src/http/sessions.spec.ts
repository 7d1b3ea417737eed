import type { Login, Session } from '@v3vee/contracts';
import request from 'supertest';
import { TestGateway } from '../testing/test-gateway.fixture';
import { ADMINISTRATOR } from '../access/identity';
import { LoginCodes } from './login-codes';

describe('sessions', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await TestGateway.start({ V3_ALLOWED_HOSTS: 'v3.test' });
  });
  afterAll(() => gateway?.stop());

  const withToken = (method: 'get' | 'post', path: string, token: string) =>
    request(gateway.server)[method](path).set('Authorization', `Bearer ${token}`);

  it('a login code begins one session, which serves like the token', async () => {
    const { code } = await gateway.ok<Login>('post', '/v1/logins');
    await withToken('get', '/v1/vms', code).expect(401);
    const { body } = await withToken('post', '/v1/sessions', code).expect(201);
    const { token, expiresAt } = body as Session;
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now());
    await withToken('get', '/v1/vms', token).expect(200);
    const second = await withToken('post', '/v1/sessions', code).expect(401);
    expect(second.body.detail).toContain('v3 console');
  });

  it('the token begins one too, and it outlives a restart of the gateway; a code does not', async () => {
    const { token } = await gateway.ok<Session>('post', '/v1/sessions');
    const { code } = await gateway.ok<Login>('post', '/v1/logins');
    await gateway.restart();
    await withToken('get', '/v1/vms', token).expect(200);
    await withToken('post', '/v1/sessions', code).expect(401);
  });

  it('one that was changed, or is over, is refused', async () => {
    const { token } = await gateway.ok<Session>('post', '/v1/sessions');
    const [, end = '', nonce = '', seal = ''] = token.split('.');
    const later = (Number.parseInt(end, 36) + 1).toString(36);
    for (const forged of [
      `session.${later}.${nonce}.${seal}`,
      `session.${end}.${nonce}.${seal}x`,
      `session.${end}.${nonce}.`,
      `session.${end}.${nonce}`,
    ]) {
      await withToken('get', '/v1/vms', forged).expect(401);
    }
  });

  it('codes are over after two minutes, and bounded in number', () => {
    const codes = new LoginCodes();
    const refused = expect.objectContaining({ code: 'UNAUTHENTICATED' });
    const { code } = codes.make(ADMINISTRATOR, 0);
    expect(() => codes.redeem(code, 120_000)).toThrow(refused);
    const first = codes.make(ADMINISTRATOR, 0).code;
    for (let n = 0; n < 100; n++) codes.make(ADMINISTRATOR, 0);
    expect(() => codes.redeem(first, 1)).toThrow(refused);
  });

  it('pages of other origins are turned away, whatever token they have', async () => {
    const from = (origin: string) =>
      gateway.call('get', '/v1/vms').set('Host', 'v3.test:8080').set('Origin', origin);
    await from('http://v3.test:8080').expect(200);
    for (const origin of ['http://v3.test', 'http://v3.test:8081', 'https://evil.test', 'null', 'nonsense']) {
      const { body } = await from(origin).expect(403);
      expect(body.code).toBe('ORIGIN_NOT_ALLOWED');
    }
  });
});
