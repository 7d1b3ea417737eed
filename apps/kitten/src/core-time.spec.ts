import { randomUUID } from 'node:crypto';
import { Bus } from '@v3vee/bus';
import { coreGrants, coreReports, type CoreGrants, type CoreReports } from '@v3vee/contracts';
import { testNats } from '@v3vee/testkit';
import { CoreTime } from './core-time';
import { HostKernel } from './host-kernel';

describe('what Kitten says of shared cores, on a real NATS server', () => {
  let nats: Awaited<ReturnType<typeof testNats>>;
  let bus: Bus;
  let palacios: Bus;
  let kernel: HostKernel;
  let coreTime: CoreTime;
  let heard: CoreGrants[];
  const incarnation = randomUUID();

  beforeEach(async () => {
    nats = await testNats();
    [bus, palacios] = (await Promise.all(
      ['kitten', 'palacios'].map(name => Bus.connect({ url: nats.url, name })),
    )) as [Bus, Bus];
    heard = [];
    palacios.listen(coreGrants, 'alpha', grants => heard.push(grants));
    await palacios.flush();
    coreTime = new CoreTime(bus, 'alpha', incarnation);
    kernel = new HostKernel(
      {
        name: 'alpha',
        incarnation,
        memoryMiB: 256,
        cores: 1,
        overcommit: 2,
        schedHz: 20,
        nics: [],
        radios: [],
      },
      { onGrants: coreTime.changed },
    );
    kernel.claim([]);
    coreTime.start(kernel);
    await bus.flush();
  });
  afterEach(async () => {
    coreTime.stop();
    kernel.stop();
    await Promise.all([bus.close(), palacios.close()]);
    await nats.stop();
  });

  const until = async (condition: () => boolean) => {
    const deadline = Date.now() + 20_000;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  };
  const report = (seq: number, tasks: CoreReports['tasks'], of = incarnation) =>
    palacios.announce(coreReports, 'alpha', { incarnation: of, seq, tasks });
  const state = (name: string) => kernel.taskList().tasks.find(task => task.name === name)?.state;

  it('nothing while none is shared; each change, and how it is again and again, while one is', async () => {
    kernel.allocate('vm/a', 32);
    report(1, [{ task: 'vm/a', state: 'RUNNING', usedMs: 1 }]);
    await until(() => state('vm/a') === 'RUNNING');
    expect(heard).toEqual([]);
    kernel.allocate('vm/b', 32);
    await until(() => heard.length >= 3);
    expect(heard.at(-1)).toMatchObject({
      incarnation,
      tasks: [
        { task: 'vm/a', granted: true },
        { task: 'vm/b', granted: false },
      ],
    });
    report(2, [{ task: 'vm/b', state: 'RUNNING', usedMs: 0 }]);
    const grantedOf = (task: string) => heard.at(-1)?.tasks.find(each => each.task === task)?.granted;
    await until(() => grantedOf('vm/b') === true);
    await until(() => grantedOf('vm/a') === true);
    expect(heard.every(({ tasks }) => tasks.filter(({ granted }) => granted).length === 1)).toBe(true);
    expect(heard.map(({ seq }) => seq)).toEqual(heard.map((_, i) => i + 1));
    kernel.free('vm/b');
    // Once more, so that the other one knows that its grant stands.
    await until(() => heard.at(-1)!.tasks.length === 0);
    const { length } = heard;
    report(3, [{ task: 'vm/a', state: 'INTERRUPTIBLE', usedMs: 2 }]);
    await until(() => state('vm/a') === 'INTERRUPTIBLE');
    expect(heard).toHaveLength(length);
  });

  it('passes over reports that come late, and hears a new Palacios', async () => {
    kernel.allocate('vm/a', 32);
    report(7, [{ task: 'vm/a', state: 'RUNNING', usedMs: 1 }]);
    report(6, [{ task: 'vm/a', state: 'STOPPED', usedMs: 0 }]);
    report(8, [{ task: 'vm/x', state: 'STOPPED', usedMs: 0 }]);
    await until(() => state('vm/a') === 'RUNNING');
    await palacios.flush();
    report(1, [{ task: 'vm/a', state: 'UNINTERRUPTIBLE', usedMs: 0 }], randomUUID());
    await until(() => state('vm/a') === 'UNINTERRUPTIBLE');
  });
});
