import type { Telemetry } from '@v3vee/contracts';

/** Per second. */
export interface NicRate {
  name: string;
  receiveBits: number;
  transmitBits: number;
  receivePackets: number;
  transmitPackets: number;
}

export interface VmRate {
  vm: string;
  /** Share of its core's time that the guest did not sleep, 0 to 1. */
  busy: number;
  exits: number;
  instructions: number;
  exitsByKind: Record<string, number>;
  nics: NicRate[];
}

/**
 * What happened per second between two tellings of the same guest. Its seconds are those that it computed or slept; none
 * go by while it stands still, whenever it was asked.
 * @returns undefined: it stood still, or was started anew
 */
export function rateBetween(before: Telemetry, now: Telemetry): VmRate | undefined {
  const computed = now.guestSeconds - before.guestSeconds;
  const seconds = computed + now.idleSeconds - before.idleSeconds;
  if (computed < 0 || seconds <= 0 || now.instructions < before.instructions) return undefined;
  const per = (a: number, b: number): number => Math.max(0, (b - a) / seconds);
  const exitsByKind = Object.fromEntries(
    Object.entries(now.exits).map(([kind, { count }]) => [kind, per(before.exits[kind]?.count ?? 0, count)]),
  );
  return {
    vm: now.vm,
    busy: Math.min(1, computed / seconds),
    exits: Object.values(exitsByKind).reduce((sum, rate) => sum + rate, 0),
    instructions: per(before.instructions, now.instructions),
    exitsByKind,
    nics: now.nics.map(nic => {
      const old = before.nics.find(({ mac }) => mac === nic.mac) ?? nic;
      return {
        name: nic.name,
        receiveBits: 8 * per(old.receiveBytes, nic.receiveBytes),
        transmitBits: 8 * per(old.transmitBytes, nic.transmitBytes),
        receivePackets: per(old.receivePackets, nic.receivePackets),
        transmitPackets: per(old.transmitPackets, nic.transmitPackets),
      };
    }),
  };
}

/** By VM; those that have not been told of twice are not in it. */
export function ratesOf(
  before: readonly Telemetry[] | undefined,
  now: readonly Telemetry[] | undefined,
): Map<string, VmRate> {
  const rates = new Map<string, VmRate>();
  for (const telemetry of now ?? []) {
    const old = before?.find(({ vm }) => vm === telemetry.vm);
    const rate = old && rateBetween(old, telemetry);
    if (rate) rates.set(telemetry.vm, rate);
  }
  return rates;
}
