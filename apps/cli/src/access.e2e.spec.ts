import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccessToken, AuditEntry, NewToken, Vm } from '@v3vee/contracts';
import { checkoutRoot } from '@v3vee/setup';
import { TestCluster } from '@v3vee/testkit';

const tls = join(checkoutRoot, 'apps/gateway/src/testing/tls');
const cert = join(tls, 'cert.pem');

/** Users of a cluster that speaks TLS, as they and its administrator see it. */
describe('users of a cluster', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    const topologyFile = join(tmpdir(), `v3-access-${process.pid}.yaml`);
    await writeFile(topologyFile, 'hosts: { alpha: { memory: 256MiB, cores: 2 } }\n');
    const env = { V3_TLS_CERT: cert, V3_TLS_KEY: join(tls, 'key.pem') };
    cluster = await TestCluster.up({ topologyFile, env });
  });
  afterAll(() => cluster?.down());

  const trusting = { V3_CA: cert };
  const ok = (...args: string[]) => cluster.ok(args, { env: trusting });
  const json = async <T>(...args: string[]) => JSON.parse(await ok(...args, '-o', 'json')) as T;
  const as = (token: string, ...args: string[]) =>
    cluster.v3(args, { env: { ...trusting, V3_TOKEN: token } });

  it('have their project, their quota and nothing else', async () => {
    await ok('project', 'create', 'red', '--vms', '1', '--memory', '128MiB');
    await ok('network', 'create', 'office');
    await ok('user', 'create', 'anna', '--role', 'operator', '--project', 'red');
    const token = (await ok('token', 'create', '--user', 'anna', '--expires', '30d')).trim();
    expect(token).toMatch(/^v3_[\w-]{43}$/);
    expect(await as(token, 'network', 'list')).toMatchObject({ code: 0, stdout: '' });
    expect((await as(token, 'vm', 'create', 'r1', '--host', 'alpha')).stdout).toBe('vm/r1 created\n');
    expect((await json<Vm>('vm', 'show', 'r1')).project).toBe('red');
    const second = await as(token, 'vm', 'create', 'r2', '--host', 'alpha');
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining('at most 1 virtual machines')]);
    const foreign = await as(token, 'network', 'show', 'office');
    expect(foreign.stderr).toContain('there is no network "office"');
    expect((await as(token, 'user', 'list')).stderr).toContain('anna is operator here');
    expect(await ok('project', 'show', 'red')).toMatch(/Vms: +1 of 1/);
  });

  it('are gone when their token is, and all that is in the audit log', async () => {
    const { id, token } = await json<NewToken>('token', 'create', '--user', 'anna');
    await ok('token', 'revoke', id);
    expect((await as(token, 'vm', 'list')).stderr).toContain('this token was revoked');
    const { items } = await json<{ items: AccessToken[] }>('token', 'list', '--user', 'anna');
    expect(items.map(({ state }) => state).sort()).toEqual(['REVOKED', 'VALID']);
    const log = await json<{ items: AuditEntry[] }>('audit', '--user', 'anna');
    expect(log.items.map(({ action, status }) => `${action} ${status}`)).toEqual([
      'createVm 201',
      'createVm 409',
      'listUsers 403',
    ]);
    expect(await ok('audit')).toContain('createToken');
    expect(await ok('audit', '--action', 'createToken', '--outcome', 'done')).not.toContain('createUser');
  });

  it('are kept out for a while, and let in again as something else', async () => {
    const { token } = await json<NewToken>('token', 'create', '--user', 'anna');
    expect(await ok('user', 'set', 'anna', '--disable')).toBe('user/anna changed\n');
    expect((await as(token, 'vm', 'list')).stderr).toContain('the user anna is disabled');
    await ok('user', 'set', 'anna', '--enable', '--role', 'viewer');
    expect((await as(token, 'vm', 'list')).stdout).toContain('r1');
    expect((await as(token, 'vm', 'delete', 'r1')).stderr).toContain('anna is viewer here');
  });

  it('find nobody there who does not trust the certificate', async () => {
    const { code, stderr } = await cluster.v3(['vm', 'list'], { timeoutMs: 60_000 });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/self.signed certificate/)]);
  });

  it.each([
    [['user', 'create', 'x', '--role', 'root'], 'role'],
    [['user', 'create', 'x', '--role', 'admin', '--project', 'red'], 'an admin is of no project'],
    [['token', 'create', '--user', 'anna', '--expires', 'soon'], 'is not a length of time'],
    [['project', 'set', 'red'], 'say what to change'],
    [['project', 'set', 'red', '--memory', 'much'], 'is not an amount of memory'],
    [['audit', '--last', '0'], 'from 1 to 1000'],
    [['audit', '--since', 'yesterday'], 'since'],
    [['user', 'set', 'anna'], 'say what to change'],
    [['user', 'set', 'anna', '--enable', '--disable'], 'say what to change'],
  ])('%j is called wrongly', async (args, message) => {
    const { code, stdout, stderr } = await cluster.v3(args, { env: trusting });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});
