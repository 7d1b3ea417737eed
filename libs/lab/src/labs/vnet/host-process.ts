import { join } from 'node:path';
import { Bus } from '@v3vee/bus';
import { ensureTemplate, startFromTemplate, type Guest } from '@v3vee/machine';
import { OverlayNode } from '@v3vee/overlay';
import { resolvePaths } from '@v3vee/setup';
import { debianImage } from '../../guest-image';
import { SerialShell } from '../../serial-shell';
import type { GuestSpec, HostCalls, Request, Response } from './protocol';
import { setUpNetwork } from './tools';
import { Wiring } from './wiring';

/**
 * Entry of one emulated host of the lab: a process with guests in worker threads, a NATS connection and an overlay
 * node, laid out as Palacios is. It ends with the lab that forked it.
 */

const MEMORY_MIB = 64;
/** The cards take frames of every size; the guests keep an Ethernet's MTU unless a measurement raises it. */
const CARD_MTU = 65_521;

const guests = new Map<string, { guest: Guest; shell: SerialShell }>();
const stopping = new AbortController();
let wiring: Wiring;

const find = (name: string) => {
  const found = guests.get(name);
  if (!found) throw new Error(`this host has no guest ${name}`);
  return found;
};

type Handlers = { [Call in keyof HostCalls]: (...args: Parameters<HostCalls[Call]>) => unknown };
const handlers: Handlers = {
  async setUp({ host, natsUrl }) {
    const bus = await Bus.connect({ url: natsUrl, name: `lab-${host}` });
    wiring = new Wiring(bus, await OverlayNode.start({ bus, host: `lab-${host}` }));
    await bus.flush();
  },
  start: startGuest,
  nic: (name, settings) => find(name).guest.setNic(0, settings),
  wire: peers => wiring.use(peers),
  sh: (name, command) => find(name).shell.run(command),
  run: name => find(name).guest.run(),
  pause: name => find(name).guest.pause(),
};

async function startGuest(spec: GuestSpec): Promise<void> {
  const { image, firmware } = await debianImage();
  const shape = { image, firmware, memoryMiB: MEMORY_MIB };
  const template = await ensureTemplate({
    ...shape,
    imageDigest: image.manifest.digest,
    nicCount: 1,
    dir: join(resolvePaths().cache, 'templates'),
  });
  const guest = await startFromTemplate(
    template,
    { ...shape, nics: [{ mac: spec.mac, mtu: CARD_MTU }] },
    { hostname: spec.name, nics: [{ mac: spec.mac, mtu: 1500 }] },
  );
  guest.onExit(({ reason }) => {
    // What waits for this guest would wait for ever: the lab hears of it by this process's end.
    console.error(`the guest ${spec.name} ended: ${reason}`);
    process.exit(1);
  });
  const shell = new SerialShell(text => guest.writeConsole(text));
  guest.onConsole(data => shell.heard(data));
  await shell.ready(stopping.signal);
  await shell.run(setUpNetwork(spec.ip));
  await wiring.add(spec, guest);
  guests.set(spec.name, { guest, shell });
}

process.on('message', async ({ id, call, args }: Request) => {
  const response: Response = { id };
  try {
    response.result = await (handlers[call] as (...args: unknown[]) => unknown)(...args);
  } catch (thrown) {
    response.error = (thrown as Error).message;
  }
  if (process.connected) process.send?.(response);
});
process.on('disconnect', () => process.exit(0));
