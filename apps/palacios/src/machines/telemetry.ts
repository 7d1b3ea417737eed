import type { DiskCounters, NicDispatch, Telemetry } from '@v3vee/contracts';
import { COST_BOUNDS_US, type ExitTally, type Telemetry as GuestTelemetry } from '@v3vee/machine';
import type { VmDefinition } from '@v3vee/store';
import { portOwner } from './port-owners';

/** Counters of a card that count frames which never arrived, by the reason that clients see. */
const dropCounters: Record<string, string> = {
  txDroppedSize: 'transmit-size',
  txDroppedInvalid: 'transmit-invalid',
  txDroppedDown: 'transmit-down',
  txSpoofed: 'transmit-spoofed',
  rxDroppedDown: 'receive-down',
  rxDroppedSize: 'receive-size',
  rxDroppedOffload: 'receive-offload',
  rxDroppedFull: 'receive-full',
  rxFiltered: 'receive-filtered',
  portDropped: 'receive-port-full',
  txDropped: 'transmit-dropped',
  rxMissed: 'receive-missed',
};

/** Of a card that has done nothing yet. */
const idle: NicDispatch = {
  mode: 'guest-driven',
  transmit: 'guest-driven',
  receive: 'guest-driven',
  kicks: 0,
  interrupts: 0,
  earlyInterrupts: 0,
  spuriousInterrupts: 0,
  polls: 0,
  switches: 0,
};

/** Bytes of what a balloon counts in. */
const BALLOON_PAGE = 4096;

export interface TelemetrySource {
  host: string;
  vm: Pick<VmDefinition, 'name' | 'nics' | 'disks'>;
  guest: GuestTelemetry;
  /** Instructions in all, which the guest's own counter only has modulo 2^32. */
  instructions: number;
  /** Frames lost between the overlay and the card, by NIC and reason. */
  drops: readonly Readonly<Record<string, number>>[];
}

export function toTelemetry({ host, vm, guest, instructions, drops }: TelemetrySource): Telemetry {
  const { unhooked, interrupts, halts } = guest;
  const counted = Object.entries({ unhooked, interrupt: interrupts, halt: halts });
  // Virtio NICs come first.
  const virtio = vm.nics.filter(({ device }) => device === null).length;
  const deviceNames = vm.nics.map(({ model }, index) =>
    model === null ? `virtio-net${index}` : `${model}-${index - virtio}`,
  );
  return {
    vm: vm.name,
    host,
    exits: Object.fromEntries([
      ...Object.entries(guest.exits).map(([kind, tally]) => [kind, toExitCount(tally)] as const),
      ...counted.map(([kind, count]) => [kind, { count }] as const),
    ]),
    ports: portsOf(guest),
    hypercalls: guest.hypercalls,
    yields: guest.yielding,
    interruptsStuck: guest.picStuck,
    instructions,
    guestSeconds: guest.guestMs / 1000,
    idleSeconds: guest.idleMs / 1000,
    nics: vm.nics.map(({ mac }, index) => {
      const card = guest.devices[deviceNames[index]!] ?? {};
      const count = (name: string) => card[name] ?? 0;
      return {
        name: `eth${index}`,
        mac,
        receivePackets: count('rxPackets'),
        receiveBytes: count('rxBytes'),
        transmitPackets: count('txPackets'),
        transmitBytes: count('txBytes'),
        dropped: {
          ...Object.fromEntries(Object.entries(dropCounters).map(([name, reason]) => [reason, count(name)])),
          ...drops[index],
        },
        dispatch: guest.nics[index] ?? idle,
      };
    }),
    disks: vm.disks.flatMap(({ name, cdrom }, index) =>
      cdrom ? [] : [toDiskCounters(name, guest.devices[`virtio-blk${index}`] ?? {})],
    ),
    balloonBytes: (guest.balloon?.actual ?? 0) * BALLOON_PAGE,
  };
}

function toDiskCounters(name: string, counted: Record<string, number>): DiskCounters {
  const count = (what: keyof DiskCounters) => counted[what] ?? 0;
  return {
    name,
    readRequests: count('readRequests'),
    readBytes: count('readBytes'),
    writeRequests: count('writeRequests'),
    writeBytes: count('writeBytes'),
    flushes: count('flushes'),
    refused: count('refused'),
    stalls: count('stalls'),
  };
}

function toExitCount({ count, sampled, sampledMicros, histogram }: ExitTally): Telemetry['exits'][string] {
  return {
    count,
    cost: {
      sampled,
      meanMicros: sampled === 0 ? 0 : sampledMicros / sampled,
      histogram: histogram.map((exits, i) => ({ upToMicros: COST_BOUNDS_US[i] ?? null, count: exits })),
    },
  };
}

/** Reads and writes of a port in one entry, whatever their widths. */
function portsOf({ ports }: GuestTelemetry): Telemetry['ports'] {
  const byPort = new Map<number, Telemetry['ports'][number]>();
  for (const { port, direction, count, device } of ports) {
    const entry = byPort.get(port) ?? { port, owner: device ?? portOwner(port), reads: 0, writes: 0 };
    entry[direction === 'in' ? 'reads' : 'writes'] += count;
    byPort.set(port, entry);
  }
  return [...byPort.values()];
}

/** Sums up a counter that is only known modulo 2^32, if it is read often enough. */
export class Unwrapped {
  #total = 0;
  #last = 0;

  read(value: number): number {
    this.#total += (value - this.#last) >>> 0;
    this.#last = value >>> 0;
    return this.#total;
  }
}
