import { defaultNicSettings } from '@v3vee/contracts';
import type { Telemetry as GuestTelemetry } from '@v3vee/machine';
import { toTelemetry, Unwrapped } from './telemetry';

const dispatch = {
  mode: 'adaptive' as const,
  transmit: 'vmm-driven' as const,
  receive: 'guest-driven' as const,
  kicks: 11,
  interrupts: 12,
  earlyInterrupts: 3,
  spuriousInterrupts: 1,
  polls: 14,
  switches: 5,
};

const never = { count: 0, sampled: 0, sampledMicros: 0, histogram: [0, 0, 0, 0] };
const guest: GuestTelemetry = {
  cards: [],
  exits: {
    'io-in': { ...never, count: 30, sampled: 4, sampledMicros: 10, histogram: [0, 0, 3, 1] },
    'io-out': { ...never, count: 12 },
    'mmio-read': { ...never, count: 2 },
    'mmio-write': { ...never, count: 3 },
    cpuid: never,
    rdmsr: never,
    wrmsr: never,
    hypercall: { ...never, count: 7 },
    timer: { ...never, count: 6 },
  },
  unhooked: 1,
  interrupts: 4,
  halts: 5,
  hypercalls: [{ number: 0x3000, name: 'guest info', count: 7 }],
  yielding: { quanta: 1, polls: 2, sleeps: 3, longestSleepMs: 4 },
  balloon: { target: 3, actual: 2 },
  ports: [
    { port: 0x3f8, direction: 'out', size: 1, count: 10, device: null },
    { port: 0x3f8, direction: 'in', size: 1, count: 20, device: null },
    { port: 0xc0fc, direction: 'in', size: 4, count: 10, device: 'virtio-net0' },
    { port: 0x5678, direction: 'out', size: 2, count: 2, device: null },
  ],
  instructions: 0,
  guestMs: 1500,
  idleMs: 250,
  devices: {
    'virtio-net0': { rxPackets: 7, rxBytes: 700, txPackets: 8, txBytes: 800, rxDroppedFull: 9, txSpoofed: 4 },
    'virtio-blk1': {
      readRequests: 3,
      readBytes: 4096,
      writeRequests: 2,
      writeBytes: 1024,
      flushes: 1,
      refused: 5,
      stalls: 6,
    },
  },
  nics: [dispatch],
  picRepaired: 0,
  picStuck: 1,
  memoryBytes: 64 << 20,
};

describe('telemetry', () => {
  it('tells exits by kind, ports with their owners, and what each card and disk counted', () => {
    const nics = [
      {
        index: 0,
        networkId: 'n',
        network: 'lan',
        vni: 1,
        mac: '02:00:00:00:00:01',
        ip: null,
        dhcp: false,
        dns: null,
        ...{ device: null, access: null, model: null },
        settings: defaultNicSettings,
      },
      {
        index: 1,
        networkId: 'n',
        network: 'lan',
        vni: 1,
        mac: '02:00:00:00:00:02',
        ip: null,
        dhcp: false,
        dns: null,
        ...{ device: null, access: null, model: null },
        settings: defaultNicSettings,
      },
    ];
    const t = toTelemetry({
      host: 'alpha',
      vm: {
        name: 'a1',
        nics,
        disks: ['disc', 'data', 'idle'].map(name => ({ name, cdrom: name === 'disc' }) as never),
      },
      guest,
      instructions: 5e9,
      drops: [{ 'receive-congested': 3 }, { 'receive-congested': 0 }],
    });
    expect(t).toMatchObject({
      vm: 'a1',
      host: 'alpha',
      instructions: 5e9,
      guestSeconds: 1.5,
      idleSeconds: 0.25,
    });
    expect(t.exits).toMatchObject({ 'io-in': { count: 30 }, 'io-out': { count: 12 }, halt: { count: 5 } });
    expect(t.exits['io-in']?.cost).toEqual({
      sampled: 4,
      meanMicros: 2.5,
      histogram: [0.5, 1, 2, 5].map((upToMicros, i) => ({ upToMicros, count: [0, 0, 3, 1][i] })),
    });
    expect(t.exits.halt).toEqual({ count: 5 });
    expect(t.hypercalls).toEqual([{ number: 0x3000, name: 'guest info', count: 7 }]);
    expect(t.ports).toEqual([
      { port: 0x3f8, owner: 'serial', reads: 20, writes: 10 },
      { port: 0xc0fc, owner: 'virtio-net0', reads: 10, writes: 0 },
      { port: 0x5678, owner: '', reads: 0, writes: 2 },
    ]);
    expect(t.interruptsStuck).toBe(1);
    expect(t.nics[0]).toMatchObject({
      name: 'eth0',
      receivePackets: 7,
      transmitBytes: 800,
      dropped: { 'receive-full': 9, 'receive-congested': 3, 'transmit-size': 0, 'transmit-spoofed': 4 },
      dispatch,
    });
    expect(t.nics[1]).toMatchObject({ name: 'eth1', receivePackets: 0, dropped: { 'receive-congested': 0 } });
    expect(t.disks).toEqual([
      {
        ...{ name: 'data', readRequests: 3, readBytes: 4096, writeRequests: 2, writeBytes: 1024 },
        ...{ flushes: 1, refused: 5, stalls: 6 },
      },
      {
        ...{ name: 'idle', readRequests: 0, readBytes: 0, writeRequests: 0, writeBytes: 0 },
        ...{ flushes: 0, refused: 0, stalls: 0 },
      },
    ]);
    expect(t.balloonBytes).toBe(8192);
  });

  it('goes on counting when the counter of 32 bits starts over', () => {
    const counter = new Unwrapped();
    expect([10, 0xffffffff, 5, 5].map(value => counter.read(value))).toEqual([
      10,
      0xffffffff,
      2 ** 32 + 5,
      2 ** 32 + 5,
    ]);
  });
});
