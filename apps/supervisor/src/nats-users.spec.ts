import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bus } from '@v3vee/bus';
import {
  busUsers,
  captureCalls,
  dmmCalls,
  kittenCalls,
  OPERATOR,
  palaciosCalls,
  palaciosHeartbeat,
  palaciosVpioCalls,
  rawSubjects,
  vmChanged,
  vnetCalls,
  wifiCalls,
} from '@v3vee/contracts';
import { ensureNats, resolvePaths, startNats, type NatsServer } from '@v3vee/setup';
import { connect } from 'nats';
import { NatsUsers } from './nats-users';

const VM = '2f1d3b5e-7a64-4c0b-9d2e-0a1b2c3d4e5f';

/** A process as a thief of its password has it. */
class Thief {
  readonly notices: string[] = [];
  private constructor(readonly bus: Bus) {}

  static async as(user: string): Promise<Thief> {
    const thief: Thief = new Thief(
      await Bus.connect({ url: urlOf(user), name: 'thief', onNotice: text => thief.notices.push(text) }),
    );
    open.push(thief.bus);
    return thief;
  }

  /** How often the server has refused it by now. */
  async refused(): Promise<number> {
    await this.bus.flush();
    return this.bus.refused;
  }
}

let dir: string;
let server: NatsServer;
let users: NatsUsers;
const open: Bus[] = [];
const urlOf = (user: string) => users.urlFor(user, server.url);
const busOf = async (user: string) => {
  const bus = await Bus.connect({ url: urlOf(user), name: user });
  open.push(bus);
  return bus;
};

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'v3-nats-users-'));
  users = new NatsUsers(dir);
  await users.write(['alpha', 'beta']);
  const program = await ensureNats({ cache: resolvePaths().cache });
  server = await startNats({ program, dir, authorization: users.file });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map(bus => bus.close()));
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

const until = async (condition: () => boolean | Promise<boolean>) => {
  while (!(await condition())) await new Promise(resolve => setTimeout(resolve, 5));
};

describe('the users of our NATS server', () => {
  it('have passwords of their own, in a file that nobody else can read', async () => {
    expect((await stat(users.file)).mode & 0o077).toBe(0);
    const passwords = [...(await readFile(users.file, 'utf8')).matchAll(/password: "(.*)"/g)].map(m => m[1]);
    expect(passwords.length).toBe(busUsers(['alpha', 'beta']).length);
    expect(new Set(passwords).size).toBe(passwords.length);
    expect(Math.min(...passwords.map(password => password!.length))).toBe(32);
    await expect(connect({ servers: server.url })).rejects.toThrow('Authorization');
    const wrong = urlOf('gateway').replace(/:[^:@]*@/, ':wrong@');
    await expect(Bus.connect({ url: wrong, name: 'x' })).rejects.toMatchObject({
      code: 'BUS_REFUSED',
      message: expect.stringMatching(/does not let user gateway in$/),
    });
  });

  it('of a host cannot say anything as another host, its router or its devices', async () => {
    const [operator, thief] = [await busOf(OPERATOR), await Thief.as('palacios-beta')];
    const heard: string[] = [];
    operator.subscribeRaw('>', (_, subject) => heard.push(subject));
    await operator.flush();
    const bytes = new Uint8Array(1);
    const forged = [
      rawSubjects.framesToRouter('alpha'),
      rawSubjects.wifiToService('alpha'),
      rawSubjects.consoleOut('alpha', VM),
      rawSubjects.consoleIn('alpha', VM),
      rawSubjects.capture('alpha', VM),
      rawSubjects.trace('alpha', VM),
      'vnet.route.alpha',
      'vnet.invalidate',
      'vnet.hello',
      'dmm.hello',
    ];
    for (const subject of forged) thief.bus.publishRaw(subject, bytes);
    thief.bus.announce(palaciosHeartbeat, 'alpha', { host: 'alpha', incarnation: VM, vms: [] });
    thief.bus.announce(vmChanged, 'alpha', status);
    await until(async () => (await thief.refused()) === forged.length + 2);
    // What is its own passes, and nothing of the others came before it.
    thief.bus.publishRaw(rawSubjects.consoleOut('beta', VM), bytes);
    thief.bus.publishRaw(rawSubjects.framesTo('alpha'), bytes);
    await until(() => heard.length === 2);
    expect(heard).toEqual([rawSubjects.consoleOut('beta', VM), rawSubjects.framesTo('alpha')]);
    expect(thief.notices).toHaveLength(forged.length + 2);
    expect(thief.notices[0]).toBe('NATS refuses us: publish vnet.frames.router.alpha');
  });

  it('of a host cannot ask anything for another, and is told so at once', async () => {
    const { bus } = await Thief.as('palacios-beta');
    const refused = {
      code: 'BUS_REFUSED',
      message: expect.stringContaining('does not let this service ask'),
    };
    const sharer = { nic: 'eth0', vmId: VM, epoch: 1 };
    await expect(bus.call(dmmCalls.release, 'alpha', sharer)).rejects.toMatchObject(refused);
    await expect(bus.call(vnetCalls.attach, 'alpha', { nics: [] })).rejects.toMatchObject(refused);
    await expect(bus.call(wifiCalls.detach, 'alpha', { vmId: VM, epoch: 1 })).rejects.toMatchObject(refused);
    await expect(bus.call(kittenCalls.free, 'alpha', { task: `vm/${VM}` })).rejects.toMatchObject(refused);
    await expect(bus.call(palaciosCalls.stop, 'alpha', { vmId: VM })).rejects.toMatchObject(refused);
    await expect(bus.call(palaciosVpioCalls.inventory, 'alpha', {})).rejects.toMatchObject(refused);
    await expect(bus.call(captureCalls.stop, 'alpha', { id: VM })).rejects.toMatchObject(refused);
    await expect(bus.call(dmmCalls.reload, undefined, {})).rejects.toMatchObject(refused);
    // Its own is allowed, though nobody serves it here.
    await expect(bus.call(dmmCalls.release, 'beta', sharer)).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
    });
  });

  it('of a host hear neither consoles, frames nor answers of others, and are told what they miss', async () => {
    const [operator, thief] = [await busOf(OPERATOR), await Thief.as('palacios-beta')];
    const heard: string[] = [];
    const forbidden = [
      rawSubjects.consoleIn('alpha', VM),
      rawSubjects.consoleOut('alpha', VM),
      rawSubjects.consoleOut('*', VM),
      rawSubjects.framesTo('alpha'),
      rawSubjects.framesTo('*'),
      rawSubjects.migration('alpha', VM),
      'palacios.alpha.vm.start',
      'dmm.exit.alpha',
      '_INBOX.gateway.>',
      '_INBOX.>',
      '>',
    ];
    for (const subject of forbidden) thief.bus.subscribeRaw(subject, (_, from) => heard.push(from));
    await until(async () => (await thief.refused()) === forbidden.length);
    expect([...thief.bus.deaf].sort()).toEqual([...forbidden].sort());
    thief.bus.subscribeRaw(rawSubjects.framesTo('beta'), (_, from) => heard.push(from));
    await thief.bus.flush();
    for (const subject of [rawSubjects.consoleIn('alpha', VM), rawSubjects.framesTo('alpha')])
      operator.publishRaw(subject, new Uint8Array(1));
    operator.publishRaw(rawSubjects.framesTo('beta'), new Uint8Array(1));
    await until(() => heard.length > 0);
    expect(heard).toEqual([rawSubjects.framesTo('beta')]);
  });

  it('ask and are answered, over a reload too that lets a new host in and another out', async () => {
    const [gateway, alpha, beta] = (await Promise.all(
      ['gateway', 'palacios-alpha', 'palacios-beta'].map(user => busOf(user)),
    )) as [Bus, Bus, Bus];
    let answer: (() => void) | undefined;
    alpha.serve(palaciosCalls.stop, 'alpha', async () => {
      await new Promise<void>(resolve => (answer = resolve));
      return status;
    });
    await alpha.flush();
    const stopped = gateway.call(palaciosCalls.stop, 'alpha', { vmId: VM });
    await until(() => answer !== undefined);

    await expect(Bus.connect({ url: urlOf('palacios-gamma'), name: 'x' })).rejects.toMatchObject({
      code: 'BUS_REFUSED',
    });
    expect(await users.write(['alpha', 'beta'])).toBe(false);
    expect(await users.write(['alpha', 'gamma'])).toBe(true);
    process.kill(server.pid, 'SIGHUP');
    await users.letIn('kitten-gamma', () => server.url);
    const gamma = await busOf('palacios-gamma');
    gamma.serve(palaciosCalls.stop, 'gamma', () => status);
    await gamma.flush();
    expect(await gateway.call(palaciosCalls.stop, 'gamma', { vmId: VM })).toEqual(status);
    answer?.();
    expect(await stopped).toEqual(status);
    // It is out, goes on trying, and neither ends nor floods its log.
    await until(() => !beta.connected && beta.refused > 1);
    await users.write(['alpha', 'beta', 'gamma']);
    process.kill(server.pid, 'SIGHUP');
    await until(() => beta.connected);
  });
});

const status = {
  ...{ vmId: VM, epoch: 1, state: 'STOPPED' as const, reason: 'put to STOPPED', agent: false },
  ...{ ips: [], startedAt: null },
};
