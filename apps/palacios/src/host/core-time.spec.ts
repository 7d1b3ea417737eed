import { randomUUID } from 'node:crypto';
import { Bus } from '@v3vee/bus';
import { coreGrants, coreReports, TAKEN_MS, type CoreGrants, type CoreReports } from '@v3vee/contracts';
import { testNats } from '@v3vee/testkit';
import { CoreTime, type Runner } from './core-time';

/** A guest as far as its core goes. */
class FakeGuest implements Runner {
  woken = 0;
  private callback = () => {};
  coreChanged(): void {
    this.woken++;
  }
  onCore(callback: () => void): () => void {
    this.callback = callback;
    return () => (this.callback = () => {});
  }
  says(): void {
    this.callback();
  }
}

describe('the cores of this host’s guests', () => {
  let nats: Awaited<ReturnType<typeof testNats>>;
  let bus: Bus;
  let kitten: Bus;
  let cores: CoreTime;
  let heard: CoreReports[];
  const incarnation = randomUUID();

  beforeEach(async () => {
    nats = await testNats();
    [bus, kitten] = (await Promise.all(
      ['palacios', 'kitten'].map(name => Bus.connect({ url: nats.url, name })),
    )) as [Bus, Bus];
    heard = [];
    kitten.listen(coreReports, 'alpha', reports => heard.push(reports));
    await kitten.flush();
    cores = new CoreTime({ bus, host: 'alpha', incarnation: randomUUID() });
    cores.start();
    await bus.flush();
  });
  afterEach(async () => {
    cores.stop();
    await Promise.all([bus.close(), kitten.close()]);
    await nats.stop();
  });

  const say = (seq: number, tasks: CoreGrants['tasks'], of = incarnation) =>
    kitten.announce(coreGrants, 'alpha', { incarnation: of, seq, tasks });
  const until = async (condition: () => boolean) => {
    const deadline = Date.now() + 20_000;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  };
  const task = 'vm/a';

  it('are theirs until Kitten says otherwise, and again when it does, or says nothing more', async () => {
    const word = cores.word('a');
    const guest = new FakeGuest();
    cores.enter('a', guest);
    expect(word.heldMs).toBe(0);
    say(1, [{ task, granted: false }]);
    await until(() => word.heldMs > 0);
    expect(word.heldMs).toBeLessThanOrEqual(TAKEN_MS);
    expect([word.isShared, guest.woken]).toEqual([true, 0]);
    say(2, [{ task, granted: true }]);
    await until(() => word.heldMs === 0);
    expect(guest.woken).toBe(1);
    say(3, [{ task, granted: false }]);
    await until(() => word.heldMs > 0);
    // Kitten died: the guest goes on by itself.
    await until(() => word.heldMs === 0);
    say(4, []);
    await until(() => !word.isShared);
  });

  it('passes over what comes late', async () => {
    const word = cores.word('a');
    say(7, [{ task, granted: true }]);
    say(6, [{ task, granted: false }]);
    say(8, [
      { task, granted: true },
      { task: 'vm/b', granted: false },
    ]);
    await until(() => word.isShared);
    await until(() => cores.word('b').heldMs > 0);
    expect(word.heldMs).toBe(0);
    say(1, [{ task, granted: false }], randomUUID());
    await until(() => word.heldMs > 0);
  });

  it('tell what they do: at once while the core is shared, and when they have gone', async () => {
    const word = cores.word('a');
    const guest = new FakeGuest();
    const leave = cores.enter('a', guest);
    word.enter('RUNNING');
    word.used(12);
    say(1, [{ task, granted: true }]);
    const last = () => heard.at(-1)?.tasks;
    await until(() => last()?.[0]?.state === 'RUNNING');
    expect(last()).toEqual([{ task, state: 'RUNNING', usedMs: 12 }]);
    if (word.enter('INTERRUPTIBLE')) guest.says();
    await until(() => last()?.[0]?.state === 'INTERRUPTIBLE');
    leave();
    await until(() => last()?.[0]?.state === 'STOPPED');
    cores.forget('a');
    expect(cores.word('a').usedMs).toBe(0);
  });
});
