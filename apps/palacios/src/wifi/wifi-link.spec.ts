import { rm } from 'node:fs/promises';
import { Bus, decodeHwsimBatch, HwsimSender, type Stoppable } from '@v3vee/bus';
import { rawSubjects, V3Error, wifiCalls, wifiHello } from '@v3vee/contracts';
import { ensureNats, resolvePaths, startNats, type NatsServer } from '@v3vee/setup';
import { stateFolder } from '@v3vee/testkit';
import { WifiLink, type Stations, type WifiVm } from './wifi-link';

/** What a host's end does, at a real NATS server, with a wifi service that only notes what it hears. */

const vm: WifiVm = {
  id: '00000000-0000-4000-8000-000000000001',
  name: 'a1',
  epoch: 4,
  wifi: [{ radio: 'radio0', mac: '02:00:00:00:00:01' }],
};

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
    await new Promise(resolve => setTimeout(resolve, 2));
  }
}

class Guest implements Stations {
  readonly heard: number[] = [];
  announced = 0;
  say: (messages: Uint8Array[]) => void = () => undefined;

  onWifi(listener: (messages: Uint8Array[]) => void): () => void {
    this.say = listener;
    return () => (this.say = () => undefined);
  }
  deliverWifi(messages: Uint8Array[]): void {
    this.heard.push(...messages.map(message => message[0] as number));
  }
  announceWifi(): void {
    this.announced++;
  }
}

let nats: NatsServer;
let folder: string;
let bus: Bus;
let link: WifiLink;
let guest: Guest;
let stoppables: Stoppable[];
const warnings: object[] = [];
/** What the service heard: calls, and messages with their epoch. */
let calls: string[];
let messages: string[];

beforeAll(async () => {
  folder = await stateFolder();
  nats = await startNats({ program: await ensureNats({ cache: resolvePaths().cache }), dir: folder });
  bus = await Bus.connect({ url: nats.url, name: 'test' });
});
afterAll(async () => {
  await bus.close();
  await nats.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  const log = { warn: (detail: object) => void warnings.push(detail) };
  link = new WifiLink(bus, 'alpha', log as unknown as ConstructorParameters<typeof WifiLink>[2]);
  guest = new Guest();
  [calls, messages, stoppables] = [[], [], []];
});
afterEach(() => {
  link.stop();
  for (const each of stoppables) each.stop();
});

function serve(answer: () => void = () => undefined): void {
  const note = (subject: string) => (bytes: Uint8Array) => {
    for (const { vmId, epoch, message } of decodeHwsimBatch(bytes)) {
      expect(vmId).toBe(vm.id);
      messages.push(`${subject} ${epoch} ${message[0]}`);
    }
  };
  stoppables.push(
    bus.serve(wifiCalls.attach, '*', ({ epoch, nics }, host) => {
      calls.push(
        `attach ${host} ${epoch} ${nics.map(({ index, radio, address }) => `${index} ${radio} ${address}`)}`,
      );
      answer();
      return Promise.resolve({ incarnation: vm.id });
    }),
    bus.serve(wifiCalls.detach, '*', ({ epoch }) => {
      calls.push(`detach ${epoch}`);
      return Promise.resolve({ context: null });
    }),
    bus.subscribeRaw(rawSubjects.wifiToService('alpha'), note('service')),
    bus.subscribeRaw(rawSubjects.wifiToHost('beta'), note('beta')),
  );
}

const tell = (number: number, epoch = vm.epoch) => {
  const sender = new HwsimSender(bus);
  sender.send(rawSubjects.wifiToHost('alpha'), { vmId: vm.id, epoch, message: Uint8Array.of(number) });
  sender.flush();
};
const ATTACHED = 'attach alpha 4 0 radio0 02:00:00:00:00:01';

it('attaches a guest, and carries what both sides say', async () => {
  serve();
  const plug = link.plug(vm, guest);
  await plug.plug();
  expect([calls, guest.announced]).toEqual([[ATTACHED], 1]);
  guest.say([Uint8Array.of(1), Uint8Array.of(2)]);
  tell(3);
  tell(4, vm.epoch - 1);
  tell(5);
  await until(() => messages.length === 2 && guest.heard.length === 2);
  expect([messages, guest.heard]).toEqual([
    ['service 4 1', 'service 4 2'],
    [3, 5],
  ]);
  expect(link.drops).toEqual({ malformed: 0, stale: 1 });
  await plug.unplug();
  expect(calls).toEqual([ATTACHED, 'detach 4']);
  tell(6);
  await until(() => link.drops.stale === 2);
});

it('waits for a service that is away, and attaches again when there is a new one', async () => {
  const plugged = link.plug(vm, guest).plug();
  serve();
  await plugged;
  bus.announce(wifiHello, undefined, { incarnation: vm.id });
  await until(() => guest.announced === 2);
  expect(calls).toEqual([ATTACHED, ATTACHED]);
});

it('goes on without Wi-Fi where the service refuses it, and says so', async () => {
  serve(() => {
    throw new V3Error('RADIO_NOT_FOUND', 'host alpha has no radio "radio0"');
  });
  await link.plug(vm, guest).plug();
  expect([calls.length, guest.announced]).toEqual([1, 0]);
  expect(warnings.at(-1)).toMatchObject({ vm: 'a1', error: expect.stringContaining('no radio "radio0"') });
});

it('keeps what comes for a guest that moves, and gives it to whoever has it afterwards', async () => {
  serve();
  const plug = link.plug(vm, guest);
  await plug.plug();
  plug.hold();
  tell(1);
  tell(2);
  tell(0, vm.epoch - 1);
  await until(() => link.drops.stale === 1);
  expect(guest.heard).toEqual([]);
  plug.release();
  expect(guest.heard).toEqual([1, 2]);

  plug.hold();
  tell(3);
  tell(0, vm.epoch - 1);
  await until(() => link.drops.stale === 2);
  plug.forward('beta');
  tell(4);
  await until(() => messages.length === 2);
  expect(messages).toEqual(['beta 5 3', 'beta 5 4']);
  // The other host's attachment is not ended by this one's end.
  await plug.unplug();
  expect([calls, guest.heard]).toEqual([[ATTACHED], [1, 2]]);
});

it('counts what is no batch', async () => {
  bus.publishRaw(rawSubjects.wifiToHost('alpha'), Uint8Array.of(1));
  await until(() => link.drops.malformed === 1);
});
