import { KITTEN_RESERVED_MIB, V3Error } from '@v3vee/contracts';
import { HostKernel } from './host-kernel';
import { MIB, type HostDescription } from './host-resources';
import { FakeClock } from './testing/fake-clock.fixture';
import { generator } from './testing/generator.fixture';

const describeHost = (memoryMiB: number, cores: number) => ({
  name: 'alpha',
  incarnation: '5f2c0f3e-8a0f-4f0e-9a54-0b1f5d9f2c11',
  memoryMiB,
  cores,
  nics: [],
  radios: [],
});
const claimed = (memoryMiB = 256, cores = 4): HostKernel => {
  const kernel = new HostKernel(describeHost(memoryMiB, cores), { clock: new FakeClock() });
  kernel.claim([]);
  return kernel;
};
/** Code and words of a refusal. */
function refusal(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    return thrown instanceof V3Error ? `${thrown.code}: ${thrown.message}` : String(thrown);
  }
  return 'granted';
}
const accounted = (kernel: HostKernel) =>
  kernel.map.bytes({ owner: 'kitten' }) +
  kernel.map.bytes({ owner: null }) +
  kernel.inventory().allocations.reduce((sum, { length }) => sum + length, 0);

describe('the host kernel', () => {
  it('gives a guest contiguous memory on a 2 MiB boundary and a core of its own', () => {
    const kernel = claimed();
    expect(kernel.allocate('vm/a', 33)).toEqual({ task: 'vm/a', base: 16 * MIB, length: 33 * MIB, core: 0 });
    expect(kernel.allocate('vm/b', 64)).toEqual({ task: 'vm/b', base: 50 * MIB, length: 64 * MIB, core: 1 });
    expect(kernel.inventory()).toMatchObject({
      memoryMiB: 256,
      memoryFreeMiB: 256 - KITTEN_RESERVED_MIB - 97,
      memoryLargestHoleMiB: 256 - 114,
      cores: 4,
      coresFree: 2,
    });
    expect(kernel.cores.list()).toEqual([['vm/a'], ['vm/b'], [], []]);
    expect(kernel.map.query().map(({ type, owner }) => `${type} ${owner}`)).toEqual([
      'bootmem kitten',
      'kmem kitten',
      'init_task kitten',
      'umem vm/a',
      'umem null',
      'umem vm/b',
      'umem null',
    ]);
  });

  it('gives back what a guest gives back, and gives it more in place or elsewhere, or not at all', () => {
    const kernel = claimed(128);
    const { base, core } = kernel.allocate('vm/a', 32);
    expect(kernel.resize('vm/a', 20)).toEqual({ task: 'vm/a', base, length: 20 * MIB, core });
    expect(kernel.resize('vm/a', 20)).toMatchObject({ length: 20 * MIB });
    expect(kernel.inventory().memoryFreeMiB).toBe(128 - KITTEN_RESERVED_MIB - 20);
    expect(kernel.resize('vm/a', 24)).toMatchObject({ base, length: 24 * MIB });
    // Right behind it, so that it can't grow where it is.
    kernel.allocate('vm/b', 24);
    expect(kernel.resize('vm/a', 32)).toMatchObject({ base: base + 48 * MIB, length: 32 * MIB });
    expect(refusal(() => kernel.resize('vm/a', 80))).toContain('HOST_MEMORY_EXHAUSTED: vm/a asks for 80 MiB');
    expect(kernel.inventory().allocations[0]).toMatchObject({ base: base + 48 * MIB, length: 32 * MIB });
    expect(refusal(() => kernel.resize('vm/c', 8))).toContain('INVALID_REQUEST: vm/c has no memory of alpha');
    expect(accounted(kernel)).toBe(128 * MIB);
  });

  it('puts a guest on another core that is free, and says what is in the way of any other', () => {
    const kernel = claimed();
    const { base } = kernel.allocate('vm/a', 33);
    kernel.allocate('vm/b', 33);
    expect(kernel.moveCore('vm/a', 3)).toEqual({ task: 'vm/a', base, length: 33 * MIB, core: 3 });
    expect(kernel.cores.list()).toEqual([[], ['vm/b'], [], ['vm/a']]);
    expect(kernel.moveCore('vm/a', 3)).toMatchObject({ core: 3 });
    expect(refusal(() => kernel.moveCore('vm/a', 1))).toBe(
      "HOST_CORE_IN_USE: vm/a can't move there: on alpha, core 1 runs vm/b; free cores: 0, 2",
    );
    expect(refusal(() => kernel.moveCore('vm/a', 4))).toBe(
      'HOST_CORE_NOT_FOUND: alpha has no core 4; its cores are 0 to 3',
    );
    expect(refusal(() => kernel.moveCore('vm/c', 0))).toContain('INVALID_REQUEST: vm/c has no core of alpha');
    expect(refusal(() => new HostKernel(describeHost(256, 4)).moveCore('vm/a', 0))).toContain(
      'HOST_NOT_CLAIMED',
    );
    expect(kernel.cores.list()).toEqual([[], ['vm/b'], [], ['vm/a']]);
    kernel.free('vm/a');
    expect(kernel.cores.free).toBe(3);
  });

  it('answers a repeated request with what the task has', () => {
    const kernel = claimed();
    const first = kernel.allocate('vm/a', 64);
    expect(kernel.allocate('vm/a', 64)).toEqual(first);
    expect(kernel.inventory().allocations).toHaveLength(1);
    expect(refusal(() => kernel.allocate('vm/a', 32))).toBe(
      'INVALID_REQUEST: vm/a has 64 MiB on alpha; free that before asking for 32 MiB',
    );
  });

  it('refuses more memory than there is in one piece, and says what there is', () => {
    const kernel = claimed(256, 8);
    for (const vm of ['a', 'b', 'c', 'd']) kernel.allocate(`vm/${vm}`, 60);
    expect(refusal(() => kernel.allocate('vm/e', 1))).toContain('HOST_MEMORY_EXHAUSTED: vm/e asks for 1 MiB');
    kernel.free('vm/a');
    kernel.free('vm/c');
    expect(refusal(() => kernel.allocate('vm/e', 61))).toBe(
      'HOST_MEMORY_EXHAUSTED: vm/e asks for 61 MiB in one piece on alpha; of its 256 MiB 120 MiB are free, ' +
        'the largest hole has 60 MiB. Stop a VM there or give the host more memory',
    );
    expect(kernel.inventory().coresFree).toBe(6);
    expect(kernel.allocate('vm/e', 60).base).toBe(16 * MIB);
  });

  it('refuses a guest when every core has one', () => {
    const kernel = claimed(256, 1);
    kernel.allocate('vm/a', 32);
    expect(refusal(() => kernel.allocate('vm/b', 32))).toBe(
      'HOST_CORES_EXHAUSTED: vm/b asks for a core of alpha; none of its 1 is free, each runs a guest. ' +
        'Stop a VM there or give the host more cores',
    );
    expect(kernel.free('vm/a')).toBe(true);
    expect(kernel.allocate('vm/b', 32).core).toBe(0);
  });

  it('frees once', () => {
    const kernel = claimed();
    kernel.allocate('vm/a', 64);
    expect([kernel.free('vm/a'), kernel.free('vm/a'), kernel.free('kitten')]).toEqual([true, false, false]);
    expect(kernel.inventory()).toMatchObject({ memoryFreeMiB: 240, coresFree: 4, allocations: [] });
  });

  it('has all memory back, in one piece, after 10,000 random starts and stops', () => {
    const kernel = claimed(1024, 16);
    const random = generator(7);
    const running: string[] = [];
    let starts = 0;
    for (let i = 0; i < 10_000; i++) {
      if (random(2) && running.length > 0) {
        kernel.free(running.splice(random(running.length), 1)[0]!);
      } else if (refusal(() => kernel.allocate(`vm/${i}`, 32 + random(200))) === 'granted') {
        running.push(`vm/${i}`);
        starts++;
      }
      expect(accounted(kernel)).toBe(1024 * MIB);
    }
    expect(starts).toBeGreaterThan(1000);
    for (const task of running) kernel.free(task);
    expect(kernel.map.query({ type: 'umem' })).toEqual([
      { start: 16 * MIB, length: 1008 * MIB, type: 'umem', owner: null },
    ]);
    expect(kernel.aspaces.list().map(({ name }) => name)).toEqual(['boot', 'kernel', 'init']);
    expect(kernel.taskList().tasks.map(({ kind }) => kind)).toEqual(new Array(16).fill('idle'));
    expect(kernel.inventory()).toMatchObject({
      memoryFreeMiB: 1008,
      memoryLargestHoleMiB: 1008,
      coresFree: 16,
    });
  });

  it('needs more memory than it keeps for itself', () => {
    expect(refusal(() => new HostKernel(describeHost(16, 1)))).toBe(
      'INVALID_REQUEST: host alpha has 16 MiB of memory; Kitten keeps 16 MiB, it needs more than that',
    );
  });
});

describe('the host kernel after a restart', () => {
  it('gives nothing away before the claim', () => {
    const kernel = new HostKernel(describeHost(256, 4));
    expect(refusal(() => kernel.allocate('vm/a', 64))).toContain(
      'HOST_NOT_CLAIMED: Kitten on alpha has just started',
    );
    expect([kernel.claimed, kernel.free('vm/a')]).toEqual([false, false]);
    kernel.claim([]);
    expect([kernel.claimed, refusal(() => kernel.allocate('vm/a', 64))]).toEqual([true, 'granted']);
  });

  it('has the map that it had, once that is claimed', () => {
    const before = claimed();
    for (const vm of ['a', 'b', 'c']) before.allocate(`vm/${vm}`, 40);
    before.free('vm/b');
    const after = new HostKernel(describeHost(256, 4));
    after.claim(before.inventory().allocations);
    expect(after.map.query()).toEqual(before.map.query());
    expect(after.inventory()).toEqual(before.inventory());
    expect(after.allocate('vm/d', 40)).toEqual(before.allocate('vm/d', 40));
  });

  it('takes the same claim again and keeps what it gave meanwhile', () => {
    const kernel = new HostKernel(describeHost(256, 4));
    const claim = [{ task: 'vm/a', base: 64 * MIB, length: 64 * MIB, core: 2 }];
    kernel.claim(claim);
    const meanwhile = kernel.allocate('vm/b', 32);
    kernel.claim(claim);
    expect(kernel.inventory().allocations).toEqual([...claim, meanwhile]);
  });

  it('refuses a claim that does not fit, whole, and names all that is wrong', () => {
    const kernel = new HostKernel(describeHost(256, 2));
    const good = { task: 'vm/a', base: 16 * MIB, length: 64 * MIB, core: 0 };
    const told = refusal(() =>
      kernel.claim([
        good,
        { ...good, task: 'vm/b', core: 1 },
        { task: 'vm/c', base: 200 * MIB, length: 64 * MIB, core: 1 },
        { task: 'vm/d', base: 128 * MIB, length: MIB, core: 0 },
        { task: 'vm/e', base: 140 * MIB, length: MIB, core: 2 },
        { ...good, core: 1 },
        { task: 'vm/f', base: 0, length: MIB, core: 1 },
      ]),
    );
    expect(told.split('; ')).toEqual([
      "HOST_CLAIM_CONFLICT: Kitten on alpha can't grant the claim: " +
        'vm/b (67108864 bytes at 0x1000000, core 1): 0x1000000–0x5000000 is umem of vm/a',
      'vm/c (67108864 bytes at 0xc800000, core 1): it is not all within the memory of this host',
      'vm/d (1048576 bytes at 0x8000000, core 0): core 0 runs vm/a',
      'vm/e (1048576 bytes at 0x8c00000, core 2): this host has cores 0 to 1',
      'vm/a (67108864 bytes at 0x1000000, core 1): it holds 67108864 bytes at 0x1000000 and core 0 already',
      'vm/f (1048576 bytes at 0x0, core 1): 0x0–0x100000 is bootmem of kitten',
    ]);
    expect(kernel.claimed).toBe(false);
    expect(kernel.inventory()).toMatchObject({ memoryFreeMiB: 240, coresFree: 2, allocations: [] });
  });
});

describe('the host kernel, its address spaces and native tasks', () => {
  const page = 4096;

  it('maps all memory that it gives out beforehand, and the spaces add up to the map', () => {
    const kernel = claimed();
    kernel.allocate('vm/a', 33);
    kernel.allocate('vm/b', 64);
    const { aspace, base } = kernel.natives.create({ name: 'job/1/0', memoryBytes: 3 * page });
    const { bytes, regions, aspaces } = kernel.memoryMap();
    expect(bytes).toBe(256 * MIB);
    expect(aspaces.map(({ id, name }) => `${id} ${name}`)).toEqual([
      '0 boot',
      '1 kernel',
      '2 init',
      '3 vm/a',
      '4 vm/b',
      '5 job/1/0',
    ]);
    expect(aspaces.slice(3).flatMap(space => space.regions)).toEqual([
      { name: 'guest', start: 0, length: 33 * MIB, pageSize: page, physical: 16 * MIB },
      { name: 'guest', start: 0, length: 64 * MIB, pageSize: 2 * MIB, physical: 50 * MIB },
      { name: 'umem', start: 2 * MIB, length: 3 * page, pageSize: page, physical: base },
    ]);
    expect(aspace.virtToPhys(2 * MIB + page)).toBe(base + page);
    const mapped = aspaces.flatMap(space => space.regions).reduce((sum, { length }) => sum + length, 0);
    const taken = regions.filter(({ owner }) => owner !== null).reduce((sum, { length }) => sum + length, 0);
    expect(mapped).toBe(taken);
  });

  it('puts native tasks on cores that nobody is on, core 0 last of all, and only shares where asked', () => {
    const kernel = claimed(256, 3);
    const create = (name: string, more = {}) => kernel.natives.create({ name, memoryBytes: page, ...more });
    expect([create('a').core, create('b').core, create('c').core]).toEqual([1, 2, 0]);
    expect(refusal(() => create('d'))).toBe(
      'HOST_CORES_EXHAUSTED: d asks for a core of alpha; none of its 3 is free. ' +
        'Ask to share one, stop a VM or a job there, or give the host more cores',
    );
    expect(refusal(() => create('d', { core: 1 }))).toBe(
      "HOST_CORE_IN_USE: d can't go there: core 1 of alpha runs a; ask to share it, or name another",
    );
    expect(refusal(() => create('d', { core: 3 }))).toContain('HOST_CORE_NOT_FOUND: alpha has no core 3');
    expect([create('d', { share: true }).core, create('e', { core: 0, share: true }).core]).toEqual([1, 0]);
    expect(kernel.cores.list()).toEqual([['c', 'e'], ['a', 'd'], ['b']]);
    expect(refusal(() => kernel.allocate('vm/a', 32))).toContain('each runs a guest or a native task');
  });

  it('takes everything back when a native task ends, and lets its thread go', () => {
    const kernel = claimed(256, 2);
    const before = kernel.map.query();
    const [a, b] = ['a', 'b'].map(name =>
      kernel.natives.create({ name, memoryBytes: 7 * page, core: 1, share: true }),
    );
    expect([a!.gate.isOpen, b!.gate.isOpen].filter(Boolean)).toHaveLength(1);
    for (const task of [a!, b!])
      expect([kernel.natives.end(task.id), task.gate.isOpen]).toEqual([true, true]);
    expect(kernel.natives.end(a!.id)).toBe(false);
    expect(kernel.map.query()).toEqual(before);
    expect(kernel.cores.free).toBe(2);
    expect(kernel.aspaces.list()).toHaveLength(3);
  });

  it('refuses a native task whole', () => {
    const kernel = claimed();
    const before = [kernel.map.query(), kernel.cores.list()];
    const reserve = (sliceMs: number) => ({ kind: 'edf', sliceMs, periodMs: 100 }) as const;
    const ask = (more: object) =>
      refusal(() => kernel.natives.create({ name: 'a', memoryBytes: page, ...more }));
    expect(ask({ memoryBytes: 100 })).toContain('needs memory of whole pages of 4096 bytes, not 100');
    expect(ask({ memoryBytes: 512 * MIB })).toContain('HOST_MEMORY_EXHAUSTED: a asks for 512 MiB');
    expect(ask({ policy: reserve(99) })).toContain('HOST_CORES_EXHAUSTED: a asks for 99 of each 100 ms');
    expect([kernel.map.query(), kernel.cores.list()]).toEqual(before);
    expect(kernel.aspaces.list()).toHaveLength(3);
    expect(ask({ policy: reserve(50) })).toBe('granted');
    expect(ask({})).toBe('INVALID_REQUEST: a runs on alpha already');
    expect(
      refusal(() => new HostKernel(describeHost(256, 4)).natives.create({ name: 'a', memoryBytes: page })),
    ).toContain('HOST_NOT_CLAIMED');
  });

  it('moves a native task', () => {
    const kernel = claimed(256, 3);
    const { id } = kernel.natives.create({ name: 'a', memoryBytes: page });
    kernel.allocate('vm/a', 32);
    expect(refusal(() => kernel.natives.move(id, 0))).toContain('HOST_CORE_IN_USE');
    kernel.natives.move(id, 2);
    expect(kernel.cores.list()).toEqual([['vm/a'], [], ['a']]);
    kernel.natives.move(id, 0, true);
    expect(kernel.cores.list()).toEqual([['vm/a', 'a'], [], []]);
  });
});

describe('the host kernel, its shared cores', () => {
  const sharing = (description: Partial<HostDescription> = {}) => {
    const clock = new FakeClock();
    let told = 0;
    const host = { ...describeHost(256, 2), overcommit: 2, schedHz: 10, ...description };
    const kernel = new HostKernel(host, { clock, onGrants: () => told++ });
    kernel.claim([]);
    return { kernel, clock, told: () => told };
  };
  const grantedTo = (kernel: HostKernel) =>
    kernel.grants().flatMap(({ task, granted }) => (granted ? [task] : []));

  it('fills cores that nobody is on first, then shares them up to what the host allows', () => {
    const { kernel } = sharing();
    const cores = ['a', 'b', 'c', 'd'].map(vm => kernel.allocate(`vm/${vm}`, 32).core);
    expect(cores).toEqual([0, 1, 0, 1]);
    expect(kernel.inventory()).toMatchObject({ coresFree: 0, guestPlacesFree: 0 });
    expect(refusal(() => kernel.allocate('vm/e', 32))).toContain('none of its 2 is free, each runs 2 tasks');
    kernel.free('vm/b');
    expect(kernel.inventory()).toMatchObject({ coresFree: 0, guestPlacesFree: 1 });
    kernel.moveCore('vm/a', 1);
    expect(refusal(() => kernel.moveCore('vm/c', 1))).toBe(
      "HOST_CORE_IN_USE: vm/c can't move there: on alpha, core 1 runs vm/d, vm/a; free cores: 0",
    );
  });

  it('says nothing of guests that are alone on their cores', () => {
    const { kernel, clock, told } = sharing();
    kernel.allocate('vm/a', 32);
    kernel.report('vm/a', 'RUNNING', 1);
    const before = told();
    clock.pass(60_000);
    kernel.report('vm/a', 'INTERRUPTIBLE', 2);
    kernel.report('vm/a', 'RUNNING', 3);
    expect([kernel.grants(), told(), clock.pending]).toEqual([[], before, 0]);
    expect(kernel.taskList().tasks.find(({ name }) => name === 'vm/a')).toMatchObject({
      ...{ shared: false, onCore: true, grantedMs: 60_000, usedMs: 3, share: 1 },
    });
  });

  it('has guests on one core take turns, a busy native task among them', () => {
    const { kernel, clock, told } = sharing();
    for (const vm of ['a', 'b', 'c']) kernel.allocate(`vm/${vm}`, 32);
    kernel.natives.create({ name: 'job', memoryBytes: 4096, core: 0, share: true });
    for (const vm of ['a', 'b', 'c']) kernel.report(`vm/${vm}`, 'RUNNING', 0);
    expect(kernel.grants().map(({ task }) => task)).toEqual(['vm/a', 'vm/c']);
    const before = told();
    for (let i = 0; i < 300; i++) {
      expect(grantedTo(kernel).length).toBeLessThanOrEqual(1);
      clock.pass(100);
    }
    expect(told()).toBeGreaterThan(before);
    const { tasks } = kernel.taskList();
    const [a, c, job] = ['vm/a', 'vm/c', 'job'].map(name => tasks.find(task => task.name === name)!);
    for (const task of [a!, c!, job!]) expect(Math.abs(task.grantedMs - 10_000)).toBeLessThan(200);
    expect(tasks.find(({ name }) => name === 'vm/b')).toMatchObject({ grantedMs: 30_000, shared: false });
  });

  it('gives no time to a guest that stands still, and all to the other one', () => {
    const { kernel, clock } = sharing({ cores: 1 });
    kernel.allocate('vm/a', 32);
    kernel.allocate('vm/b', 32);
    kernel.report('vm/b', 'RUNNING', 0);
    clock.pass(1_000);
    expect(grantedTo(kernel)).toEqual(['vm/b']);
    kernel.report('vm/a', 'RUNNING', 0);
    expect(grantedTo(kernel)).toEqual(['vm/a']);
    kernel.free('vm/a');
    expect(kernel.grants()).toEqual([]);
  });

  it('is claimed with the guests on the cores that they shared', () => {
    const { kernel: before } = sharing();
    for (const vm of ['a', 'b', 'c']) before.allocate(`vm/${vm}`, 32);
    const after = new HostKernel({ ...describeHost(256, 2), overcommit: 2 });
    after.claim(before.inventory().allocations);
    expect(after.inventory()).toEqual(before.inventory());
    expect(after.cores.list()).toEqual(before.cores.list());
  });

  it('reserves time for a guest', () => {
    const { kernel, clock } = sharing({ cores: 1 });
    for (const vm of ['a', 'b']) kernel.allocate(`vm/${vm}`, 32);
    for (const vm of ['a', 'b']) kernel.report(`vm/${vm}`, 'RUNNING', 0);
    const policy = { kind: 'edf', sliceMs: 20, periodMs: 100 } as const;
    expect(kernel.setPolicy('vm/a', policy)).toMatchObject({ name: 'vm/a', policy });
    expect(refusal(() => kernel.setPolicy('vm/b', { ...policy, sliceMs: 80 }))).toContain(
      'HOST_CORES_EXHAUSTED',
    );
    expect(refusal(() => kernel.setPolicy('vm/c', policy))).toBe(
      'TASK_NOT_FOUND: there is no task vm/c on alpha',
    );
    const ofA = () => kernel.taskList().tasks.find(({ name }) => name === 'vm/a')!.grantedMs;
    const from = ofA();
    clock.pass(10_000);
    expect(Math.abs(ofA() - from - 2_000)).toBeLessThan(50);
  });

  it('passes over reports of guests that it does not know', () => {
    const { kernel } = sharing();
    kernel.report('vm/x', 'RUNNING', 1);
    expect(kernel.taskList().tasks).toHaveLength(2);
  });
});
