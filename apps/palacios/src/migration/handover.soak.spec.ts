import { Plays } from './plays.fixture';

/** All of what `handover.spec.ts` plays a part of: every crash of every party with every fate of every message. */
describe('a hand-over, on a real Postgres', () => {
  let plays: Plays;
  beforeAll(async () => {
    plays = await Plays.open();
  });
  afterAll(() => plays?.close());

  it('has one owner and one guest, whoever is killed while whatever message is lost, repeated or late', async () => {
    const crashes = plays.crashes();
    const cases = plays.disturbances().flatMap(fate => crashes.map(crash => ({ crash, fate })));
    expect(cases.length).toBeGreaterThan(3_000);
    expect((await plays.all(cases)).failures).toEqual([]);
  });

  it('… and whenever it is cancelled, or the store does not say what became of a swap', async () => {
    const others = [...plays.cancellations(), ...Plays.silences().map(store => ({ store }))];
    const cases = plays.disturbances().flatMap(fate => others.map(other => ({ ...other, fate })));
    expect((await plays.all(cases)).failures).toEqual([]);
  });
});
