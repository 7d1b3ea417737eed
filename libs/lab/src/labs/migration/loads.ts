/** What the guest does while it moves. */
export interface Load {
  name: string;
  /** Shell commands, run in the guest that moves. */
  begin?: string;
  /** Run in its peer while it moves; `TARGET` stands for the guest's address. A connection that breaks ends it with an error. */
  traffic?: string;
  /** Downtime that is aimed at, ms. */
  atMostMs?: number;
}

/** A load of a guest of that size. */
export interface Case {
  memoryMiB: 64 | 128;
  load: Load;
}

const background = (loop: string): string => `(${loop}) >/dev/null 2>&1 </dev/null & echo $! >>/tmp/load`;
/** Ends what `begin` began, its children first. */
export const END =
  'for p in $(cat /tmp/load 2>/dev/null); do for c in $(pgrep -P $p); do kill $c; done; kill $p; done 2>/dev/null; rm -f /tmp/load /tmp/dirty; true';

/** Each turn writes that many pages of other content, then sleeps for a tenth of a second. */
const dirty = (pages: number): string =>
  background(
    'i=0; while :; do i=$((i+1)); ' +
      `yes $i | head -c ${pages * 4096} | dd of=/tmp/dirty bs=4096 conv=notrunc; usleep 100000; done`,
  );

/** Longer than a move takes. */
const STREAM_SECONDS = 5;

const idle: Load = { name: 'idle', atMostMs: 60 };
const fast: Load = { name: 'changing some 2,000 pages/s', begin: dirty(200), atMostMs: 100 };
const loads: readonly Load[] = [
  idle,
  { name: 'computing', begin: background('while :; do :; done') },
  { name: 'changing some 500 pages/s', begin: dirty(50) },
  fast,
  { name: 'changing as many pages as it can', begin: dirty(2_000) },
  {
    name: 'serving a TCP stream',
    // Listening (port 5201) before anybody asks.
    begin: `${background('iperf3 -s')}; until grep -qi ':1451 ' /proc/net/tcp /proc/net/tcp6; do usleep 20000; done`,
    traffic: `iperf3 -c TARGET -R -t ${STREAM_SECONDS}`,
    atMostMs: 60,
  },
];

export const cases: readonly Case[] = [
  ...loads.map(load => ({ memoryMiB: 64, load }) as const),
  ...[idle, fast].map(load => ({ memoryMiB: 128, load: { ...load, atMostMs: undefined } }) as const),
];
export const describeCase = ({ memoryMiB, load }: Case): string => `${memoryMiB} MiB, ${load.name}`;
