import { connectLocal, openConsole, type Client } from '@v3vee/client';
import { TestCluster } from '@v3vee/testkit';

/** `V3_SOAK_MINUTES=2 ./v3 test --soak traffic` for a shorter one. */
const MINUTES = Number(process.env.V3_SOAK_MINUTES ?? 30);
const ROUND_SECONDS = 20;
/** A console line waits behind bulk traffic of the same guest; what is dead stays silent far longer. */
const CONSOLE_TIMEOUT_MS = 60_000;

let cluster: TestCluster;
let client: Client;

beforeAll(async () => {
  cluster = await TestCluster.up();
  client = await connectLocal(cluster.stateDir, {});
});
afterAll(() => cluster?.down());

interface Interval {
  sum: { bytes: number };
}

/** One round of TCP both ways between a VM and b1; bytes of each second's interval, both directions. */
async function round(vm: string, port: number): Promise<number[]> {
  const command = ['iperf3', '-c', 'b1', '-p', String(port), '--bidir', '-t', String(ROUND_SECONDS), '-J'];
  const { stdout } = await client.call(
    'execVm',
    { vm },
    { body: { command, timeoutSeconds: 120 }, timeoutMs: 150_000 },
  );
  const report = JSON.parse(stdout) as {
    error?: string;
    intervals: (Interval & { sum_bidir_reverse: Interval['sum'] })[];
  };
  if (report.error) throw new Error(`${vm}: ${report.error}`);
  return report.intervals.map(({ sum, sum_bidir_reverse }) => sum.bytes + sum_bidir_reverse.bytes);
}

/** Types a line on the serial console and waits for what the shell makes of it. */
async function useConsole(vm: string, n: number): Promise<void> {
  const { stream } = await openConsole(client, vm);
  try {
    let output = '';
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`the console of ${vm} did not answer; it said: ${output}`)),
        CONSOLE_TIMEOUT_MS,
      );
      stream.on('data', (data: Buffer) => {
        output += data.toString('latin1');
        if (!output.includes(`answer-${n}-${n * 2}`)) return;
        clearTimeout(late);
        resolve();
      });
      stream.on('error', reject);
      stream.write(`echo answer-${n}-$((${n}*2))\n`);
    });
  } finally {
    stream.destroy();
  }
}

it(`${MINUTES} minutes of TCP both ways and console use on every VM: no stall, no lost interrupt`, async () => {
  for (const port of [5201, 5202])
    await cluster.ok(['vm', 'exec', 'b1', '--', 'iperf3', '-s', '-D', '-p', String(port)]);
  const end = Date.now() + MINUTES * 60_000;
  let bytes = 0;
  let rounds = 0;
  for (let n = 1; Date.now() < end; n++) {
    const traffic = Promise.all([round('a1', 5201), round('a2', 5202)]);
    const consoles = Promise.all(['a1', 'a2', 'b1'].map(vm => useConsole(vm, n)));
    const [intervals] = await Promise.all([traffic, consoles]);
    for (const [i, seconds] of intervals.entries()) {
      const moved = seconds.reduce((sum, value) => sum + value, 0);
      // A dead line moves nothing more; a starved guest may miss seconds, but not a third of a round.
      const idle = seconds.filter(value => value === 0).length;
      expect({ vm: i + 1, n, moved: moved > 0, stalled: idle > ROUND_SECONDS / 3 }).toEqual({
        vm: i + 1,
        n,
        moved: true,
        stalled: false,
      });
      bytes += moved;
    }
    rounds++;
    for (const vm of ['a1', 'a2', 'b1']) {
      const telemetry = await client.call('vmTelemetry', { vm });
      expect({ vm, stuck: telemetry.interruptsStuck }).toEqual({ vm, stuck: 0 });
    }
  }
  console.log(`${rounds} rounds, ${(bytes / 2 ** 20).toFixed(0)} MiB, no stall`);
  expect(rounds).toBeGreaterThan(0);
});
