import { ConfigClient, GuestChannel } from '@v3vee/machine';
import { Briefing, type BriefingOptions, type Origin } from './briefing';

const nic = { mac: '02:00:00:00:00:01', ip: '10.0.0.1/24', dhcp: false, dns: null, model: null };
const entry = (n: number) => ({ name: `vm-${n}`, address: `10.0.1.${n}` });

/** A briefing over a real configuration client; the guest's end answers when it is let. */
function briefing(origin: Origin, options: Partial<BriefingOptions> = {}) {
  const heard: string[] = [];
  const held: string[] = [];
  const complaints: string[] = [];
  let listens = false;
  const channel = new GuestChannel('config', data => {
    for (const line of Buffer.from(data).toString().trimEnd().split('\n')) {
      heard.push(line);
      held.push(`ok ${line.split(' ')[0]}\n`);
    }
    if (listens) setImmediate(answer);
  });
  const answer = () => {
    for (const line of held.splice(0)) channel.received(Buffer.from(line));
  };
  const subject = new Briefing({
    ...{ origin, names: [], config: new ConfigClient(channel) },
    definition: { name: 'a1', nics: [nic], wifi: [], disks: [] } as unknown as BriefingOptions['definition'],
    complain: what => complaints.push(what),
    ...options,
  });
  return {
    ...{ subject, heard, complaints },
    listen: () => {
      listens = true;
      answer();
    },
    up: () => {
      held.length = 0;
      channel.received(Buffer.from('up\n'));
    },
    verbs: () => heard.splice(0).map(line => line.split(' ')[0]),
  };
}
const introduction = ['clock', 'seed', 'hostname', 'nic', 'ready'];
/** Whatever is under way in this process has come as far as it can. */
const idle = async () => {
  for (let n = 0; n < 20; n++) await new Promise(setImmediate);
};

it('waits for a guest that is late with its answer, and does not think that it has yet to come up', async () => {
  const { subject, listen, verbs, complaints } = briefing('template', { names: [entry(1)] });
  subject.begin();
  let isTold = false;
  void subject.told!.then(() => (isTold = true));
  await idle();
  expect([isTold, verbs()]).toEqual([false, introduction]);
  listen();
  await subject.told;
  expect([verbs(), complaints]).toEqual([['hosts'], []]);
});

it('tells a guest anew that comes up while it is asked', async () => {
  const { subject, listen, up, verbs } = briefing('clone');
  subject.begin();
  await idle();
  up();
  listen();
  await subject.told;
  expect(verbs()).toEqual([...introduction, ...introduction]);
});

it('waits until a guest that boots cold says that it is up', async () => {
  const { subject, listen, up, verbs } = briefing('cold');
  subject.begin();
  listen();
  await idle();
  expect(verbs()).toEqual([]);
  up();
  await subject.told;
  expect(verbs()).toEqual(introduction);
});

it.each([
  ['one that was resumed: what time it is', 'resumed', {}, ['clock']],
  [
    'one with a lent address: also that it may have lost it',
    'resumed',
    { nics: [{ ...nic, ip: null, dhcp: true }] },
    ['clock', 'lease'],
  ],
  ['one that moved: nothing', 'moved', {}, []],
] as const)('tells %s', async (_, origin, definition, verbs) => {
  const whole = { name: 'a1', nics: [nic], wifi: [], disks: [], ...definition };
  const guest = briefing(origin, { definition: whole as unknown as BriefingOptions['definition'] });
  guest.listen();
  guest.subject.begin();
  await guest.subject.told;
  expect(guest.verbs()).toEqual(verbs);
});

it('tells names in lines of a bounded length, each once, and again when the address is another', async () => {
  const names = Array.from({ length: 100 }, (_, n) => entry(n));
  const { subject, listen, heard, verbs } = briefing('moved', { names });
  listen();
  subject.begin();
  subject.catchUp();
  await subject.told;
  expect(heard.map(line => (line.split(' ').length - 1) / 2)).toEqual([40, 40, 20]);
  verbs();
  subject.setNames([...names, entry(200), { name: 'vm-3', address: '10.0.9.9' }]);
  subject.catchUp();
  await subject.told;
  expect(heard).toEqual(['hosts vm-200 10.0.1.200 vm-3 10.0.9.9']);
});

it('tells the time after a standstill that is worth it only', async () => {
  const { subject, listen, verbs } = briefing('moved');
  listen();
  subject.begin();
  subject.catchUp(499);
  await subject.told;
  expect(verbs()).toEqual([]);
  subject.catchUp(500);
  await subject.told;
  expect(verbs()).toEqual(['clock']);
});

it('tells nothing before the guest runs, nor to one that has no configuration channel', async () => {
  const { subject, verbs } = briefing('template', { config: undefined });
  subject.catchUp(10_000);
  expect(subject.told).toBeUndefined();
  subject.begin();
  subject.catchUp(10_000);
  await subject.told;
  expect(verbs()).toEqual([]);
});

it('goes on with one that ends', async () => {
  const complaints: string[] = [];
  const { subject, up } = briefing('template', {
    config: {
      ...{
        up: () => Promise.reject(new Error('ended')),
        configure: () => Promise.reject(new Error('ended')),
      },
      ...{ setClock: () => Promise.resolve(), setHosts: () => Promise.resolve() },
      renewLeases: () => Promise.resolve(),
    },
    complain: what => complaints.push(what),
  });
  up();
  subject.begin();
  await subject.told;
  expect(complaints).toEqual(['the guest could not be told who it is']);
});
