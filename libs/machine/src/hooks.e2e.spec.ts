import {
  BareMetal,
  cpuid,
  exampleModule,
  load,
  rdmsr,
  repeat,
  say,
  take,
  vmcall,
  wrmsr,
} from './testing/bare-metal.fixture';
import { ending } from './testing/guests.fixture';
import type { Code } from './testing/i386.fixture';

const metal = new BareMetal();
afterEach(() => metal.stop());

/** Often enough that it is translated. */
const MANY = 200_000;

const start = (code: Code[], ...examples: string[]) =>
  metal.start(code, {
    deviceModules: [exampleModule('hooks')],
    devices: examples.map(name => ({ class: `example-${name}`, id: name, options: {} })),
  });

it('hooks a port; one that passes through is the chipset’s, which has nothing there', async () => {
  const read = (port: number): Code[] => [load('edx', port), [0x31, 0xc0, 0xec], say]; // xor eax, eax; in al, dx
  const said = await start(
    [...read(0x300), ...read(0x300), load('edx', 0x300), load('eax', 0x77), [0xee], ...read(0x301)],
    'io',
  );
  expect(await said.words(3)).toEqual([1, 2, 0xff]);
  expect((await said.guest.telemetry()).devices['device/io']).toEqual({ reads: 2, written: 0x77 });
});

it('hooks memory: all accesses, writes alone, or accesses as they happen', async () => {
  const at = (address: number) => load('ebx', address);
  const read: Code = [0x8b, 0x03]; // mov eax, [ebx]
  const write: Code = [0xc7, 0x03, 0x78, 0x56, 0x34, 0x12]; // mov dword [ebx], 0x12345678
  const said = await start(
    [at(0xd0000010), read, say, at(0xd0001020), write, read, say, at(0xd0002004), write, read, say],
    'memory',
  );
  expect(await said.words(3)).toEqual([0xcafe0010, 0x12345678, 0x12345678]);
  expect((await said.guest.telemetry()).devices['device/memory']).toEqual({
    reads: 1,
    writes: 1,
    accesses: 2,
  });
  expect(await said.guest.memory.map()).toContainEqual({
    ...{ start: 0xd0001000, end: 0xd0002000, flags: 'rw', kind: 'hook', name: 'memory-1' },
  });
});

it('hooks a leaf of CPUID, interpreted and translated; others are the CPU’s', async () => {
  const ask = [load('eax', 0x40000000), cpuid];
  const said = await start(
    [...ask, take('ebx'), say, ...repeat(MANY, 'again', ask), load('eax', 0), cpuid, take('ebx'), say],
    'cpuid',
  );
  expect(await said.words(2)).toEqual([word('V3VE'), word('Genu')]);
  const { exits, devices } = await said.guest.telemetry();
  // The BIOS asks, too.
  expect(devices['device/cpuid']).toEqual({ asked: MANY + 2 });
  expect(exits.cpuid.count).toBeGreaterThan(MANY + 2);
});

it('hooks a model specific register, interpreted and translated; others are the CPU’s', async () => {
  const [select, sysenter] = [load('ecx', 0x4b564d00), load('ecx', 0x174)];
  const write = [select, load('eax', 0x89abcdef), load('edx', 0x01234567), wrmsr];
  const said = await start(
    [
      ...[...write, load('eax', 0), load('edx', 0), rdmsr, say, take('edx'), say],
      ...repeat(MANY, 'again', [select, rdmsr, wrmsr]),
      ...[sysenter, load('eax', 0x60), load('edx', 0), wrmsr, load('eax', 0), rdmsr, say],
    ],
    'msr',
  );
  expect(await said.words(3)).toEqual([0x89abcdef, 0x01234567, 0x60]);
  expect((await said.guest.telemetry()).devices['device/msr']).toEqual({ reads: MANY + 1, writes: MANY + 1 });
});

it('carries out hypercalls, its own and a device’s, interpreted and translated; an unknown one fails', async () => {
  const call = (number: number): Code[] => [load('eax', number), vmcall];
  const said = await start(
    [
      ...[load('ebx', 2), load('ecx', 40), ...call(0x5001), say, take('ebx'), say],
      ...repeat(MANY, 'again', call(0x5001)),
      ...[...call(0x3000), take('ebx'), say, ...call(0xd000), take('ebx'), say, ...call(0xba11), say],
    ],
    'hypercall',
  );
  const notice = new Promise<string>(resolve => said.guest.onNotice(resolve));
  expect(await said.words(5)).toEqual([0, 42, 32, 1_000_000, 0xffffffff]);
  expect(await notice).toMatch(/^guest info: eax=3000 ebx=[0-9a-f]+ .* cpl=0$/);
  const { hypercalls, exits } = await said.guest.telemetry();
  expect(hypercalls).toContainEqual({ number: 0x5001, name: 'add', count: MANY + 1 });
  expect(exits.hypercall.count).toBe(MANY + 4);
});

it('tells interrupts, exits, time, what is typed, and a VM’s life', async () => {
  const said = await start(
    [load('eax', 7), say],
    ...['interrupt', 'exit', 'timer', 'host-event', 'extension'],
  );
  expect(await said.words(1)).toEqual([7]);
  said.guest.writeConsole('ab');
  said.guest.writeConsole('stop!');
  let devices: Record<string, Record<string, number>>;
  do {
    ({ devices } = await said.guest.telemetry());
  } while (!devices['device/timer']!.ticks || !devices['device/interrupt']!.raised);
  expect(devices['device/exit']!.outs).toBeGreaterThanOrEqual(4);
  expect(devices['device/host-event']).toEqual({ typed: 7, kept: 1 });
  const { vms, cores, entries, exits } = devices['device/extension']!;
  expect([vms, cores]).toEqual([1, 1]);
  expect(entries).toBeGreaterThan(0);
  expect(entries! - exits!).toBeLessThanOrEqual(1);
});

it('stops the VM whose hook fails, with the reason, and no other', async () => {
  const other = await start([load('eax', 1), say]);
  const failed = start([load('edx', 0x302), [0xee]], 'failure');
  const { kind, reason } = await ending((await failed).guest);
  expect([kind, reason]).toEqual(['device-fault', 'failure: its hook failed: a bug of an extension']);
  expect(await other.words(1)).toEqual([1]);
  expect((await other.guest.telemetry()).interrupts).toBeGreaterThan(0);
});

const word = (text: string) => Buffer.from(text, 'latin1').readUInt32LE(0);
