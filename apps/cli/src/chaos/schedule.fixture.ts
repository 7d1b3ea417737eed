import { migrationPhases } from '@v3vee/contracts';
import { generator, type Random } from '@v3vee/wire/src/testing/random';

/** What users do meanwhile. Hosts and VMs are numbers: which they are is known when it is done. */
export type Work =
  | { do: 'migrate'; vm: number; host: number; mode: 'precopy' | 'stop-and-copy' }
  /** Cancelled some time after that phase has begun. */
  | { do: 'cancel'; vm: number; host: number; phase: MovingPhase; afterMs: number }
  | { do: 'drain'; host: number }
  | { do: 'checkpoint'; vm: number };

export type Victim = 'nats' | 'postgres' | 'gateway' | 'vnet' | 'dmm' | 'kitten' | 'palacios';
/** Of `kitten` and `palacios`: that of the host a move begins at, ends at, or any. */
export type Place = 'source' | 'target' | 'any';

export interface Fault {
  what: 'kill' | 'stop';
  victim: Victim;
  place: Place;
  /** If `any`. */
  host: number;
  /** Of a stop: until it may go on. */
  seconds: number;
  /** When: so many ms after the first move of the round has entered that phase, or (null) after the round began. */
  phase: MovingPhase | null;
  afterMs: number;
}

export type MovingPhase = (typeof movingPhases)[number];
const movingPhases = [
  'PREPARING',
  'COPYING',
  'STOPPED',
  'SWITCHING',
] as const satisfies readonly (typeof migrationPhases)[number][];

export interface Round {
  number: number;
  work: Work[];
  faults: Fault[];
  /** Before the next one, ms. */
  restMs: number;
}

/** Of hosts, seconds. */
export const LEASE = { seconds: 20, marginSeconds: 4 };
/** How much longer than a lease and its margin somebody is stopped, seconds. */
const BEYOND_THE_LEASE = { atLeast: 2, spread: 8 };
/** A move takes about as long on a busy machine. */
const MOVE_MS = 2_500;

/** Each comes up once before any comes up again. */
const victims: readonly Pick<Fault, 'what' | 'victim' | 'place'>[] = [
  { what: 'kill', victim: 'nats', place: 'any' },
  { what: 'kill', victim: 'postgres', place: 'any' },
  { what: 'kill', victim: 'gateway', place: 'any' },
  { what: 'kill', victim: 'vnet', place: 'any' },
  { what: 'kill', victim: 'dmm', place: 'any' },
  { what: 'kill', victim: 'kitten', place: 'source' },
  { what: 'kill', victim: 'kitten', place: 'target' },
  { what: 'kill', victim: 'palacios', place: 'source' },
  { what: 'kill', victim: 'palacios', place: 'target' },
  { what: 'stop', victim: 'palacios', place: 'source' },
  { what: 'stop', victim: 'palacios', place: 'target' },
  { what: 'stop', victim: 'postgres', place: 'any' },
  { what: 'stop', victim: 'nats', place: 'any' },
];

/** Rounds without end; the same seed gives the same ones. */
export function* schedule(seed: number, size: { hosts: number; vms: number }): Generator<Round> {
  const random = generator(seed);
  let deck: typeof victims = [];
  const draw = () => {
    if (deck.length === 0) deck = shuffled(victims, random);
    const [next, ...rest] = deck;
    deck = rest;
    return fault(next!, size, random);
  };
  for (let number = 1; ; number++) {
    const work = [...works(size, random)];
    const faults: Fault[] = [];
    // One of eight rounds is only what users do, one of four has two faults.
    const kind = random(8);
    if (kind > 0) faults.push(draw());
    if (kind > 5) faults.push(draw());
    yield { number, work, faults, restMs: random(2_000) };
  }
}

function* works(size: { hosts: number; vms: number }, random: Random): Generator<Work> {
  const vm = random(size.vms);
  const host = random(size.hosts);
  const kind = random(10);
  if (kind < 2) return void (yield { do: 'drain', host });
  const mode = random(5) ? 'precopy' : 'stop-and-copy';
  const phase = movingPhases[random(movingPhases.length)]!;
  if (kind < 5) yield { do: 'cancel', vm, host, phase, afterMs: random(40) };
  else yield { do: 'migrate', vm, host, mode };
  const other = (vm + 1 + random(size.vms - 1)) % size.vms;
  if (kind % 2) yield { do: 'migrate', vm: other, host: random(size.hosts), mode: 'precopy' };
  else if (kind % 4 === 0) yield { do: 'checkpoint', vm: other };
}

function fault(kind: (typeof victims)[number], { hosts }: { hosts: number }, random: Random): Fault {
  const phase = random(3) ? movingPhases[random(movingPhases.length)]! : null;
  const { atLeast, spread } = BEYOND_THE_LEASE;
  return {
    ...kind,
    host: random(hosts),
    seconds: kind.what === 'stop' ? LEASE.seconds + LEASE.marginSeconds + atLeast + random(spread) : 0,
    phase,
    afterMs: random(phase ? 60 : MOVE_MS),
  };
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  return items.map(() => left.splice(random(left.length), 1)[0]!);
}

export function described({ number, work, faults }: Round): string {
  const users = work.map(one => {
    if (one.do === 'drain') return `drain host ${one.host}`;
    if (one.do === 'checkpoint') return `checkpoint VM ${one.vm}`;
    const move = `move VM ${one.vm} to host ${one.host}`;
    return one.do === 'migrate'
      ? `${move} (${one.mode})`
      : `${move}, cancelled ${one.afterMs} ms after ${one.phase}`;
  });
  const others = faults.map(({ what, victim, place, host, seconds, phase, afterMs }) => {
    const where = place === 'any' ? `of host ${host}` : `of the ${place}`;
    const whom = victim === 'kitten' || victim === 'palacios' ? `${victim} ${where}` : victim;
    const how = what === 'kill' ? `kill -9 ${whom}` : `stop ${whom} for ${seconds} s`;
    return `${how}, ${afterMs} ms after ${phase ?? 'the beginning'}`;
  });
  return `${number}: ${[...users, ...others].join('; ')}`;
}
