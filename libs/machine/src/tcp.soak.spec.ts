import { connect, Guests, printed, sh } from './testing/guests.fixture';

/** Bulk TCP both ways with use of both consoles: the load under which lost interrupts show. V3_SOAK_MINUTES, 30 by default. */
const MINUTES = Number(process.env.V3_SOAK_MINUTES ?? 30);
const ROUND_SECONDS = 10;

let guests: Guests;
beforeAll(async () => {
  guests = await Guests.prepare();
});
afterAll(() => guests.stop());

it(
  `carries TCP both ways for ${MINUTES} minutes without a stall`,
  async () => {
    const pair = [await guests.start(0), await guests.start(1)];
    connect(...pair);
    for (const guest of pair) {
      await guest.config.configure({ hostname: 'soak', nics: [] });
      await sh(guest, 'iperf3 -s -D >/dev/null 2>&1');
    }
    const end = Date.now() + MINUTES * 60_000;
    for (let round = 0; Date.now() < end; round++) {
      const traffic = pair.map((guest, i) =>
        sh(guest, `iperf3 -c 10.0.0.${i === 0 ? 2 : 1} -t ${ROUND_SECONDS} -f k`, 180_000),
      );
      for (const guest of pair) {
        const answer = printed(guest, `round-${round}-42`);
        guest.writeConsole(`\necho round-${round}-$((6 * 7))\n`);
        await answer;
      }
      for (const report of await Promise.all(traffic)) {
        const rates = [...report.matchAll(/([\d.]+) Kbits\/sec.*receiver/g)].map(match => Number(match[1]));
        expect(rates.at(-1)).toBeGreaterThan(0);
      }
    }
    for (const guest of pair) {
      const { devices, picStuck, exits } = await guest.telemetry();
      expect(picStuck).toBeLessThan(exits.timer.count / 1000);
      expect(devices['virtio-net0']!.rxDroppedFull).toBe(0);
    }
  },
  (MINUTES + 10) * 60_000,
);
