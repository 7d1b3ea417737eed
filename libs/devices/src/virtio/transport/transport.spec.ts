import { DeviceFault } from '../../platform';
import { VirtioNet } from '../net/device';
import { NetFeature } from '../net/header';
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_VERSION_1 } from '../features';
import { TestDriver, TestLine, testMemory } from '../testing';
import { Common, Status } from './registers';
import { VirtioTransport } from './transport';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

function plug() {
  const memory = testMemory();
  const line = new TestLine();
  const net = new VirtioNet({ mac: MAC, mtu: 1500, transmit: () => {} });
  const transport = new VirtioTransport('virtio-net0', net, memory, line);
  return { memory, line, net, transport, driver: new TestDriver(transport, memory) };
}

const AGREED = Status.acknowledge | Status.driver | Status.featuresOk;

describe('configuration space', () => {
  it('leads a driver to the structures through vendor capabilities', () => {
    const { config } = plug().transport;
    const view = new DataView(config.buffer);
    expect([view.getUint16(0, true), view.getUint16(2, true)]).toEqual([0x1af4, 0x1041]);
    expect(view.getUint32(8, true) >>> 8).toBe(0x020000);
    const types: number[] = [];
    for (let at = config[0x34]!; at; at = config[at + 1]!) {
      expect(config[at]).toBe(9);
      expect(at % 4).toBe(0);
      types.push(config[at + 3]!);
    }
    expect(types).toEqual([1, 3, 2, 4]);
  });
});

describe('the hand-shake', () => {
  it('agrees on features that were offered', () => {
    const { driver, transport } = plug();
    driver.start([NetFeature.csum, VIRTIO_F_EVENT_IDX], [0, 1]);
    expect(driver.status()).toBe(AGREED | Status.driverOk);
    expect(transport.negotiated(NetFeature.csum)).toBe(true);
    expect(transport.negotiated(NetFeature.hostTso4)).toBe(false);
  });

  it.each([
    ['VERSION_1 is missing', [NetFeature.csum]],
    ['a feature was not offered', [VIRTIO_F_VERSION_1, 40]],
  ])('refuses FEATURES_OK when %s', (_, features) => {
    const { driver } = plug();
    driver.setStatus(Status.acknowledge | Status.driver);
    driver.writeFeatures(features);
    driver.setStatus(AGREED);
    expect(driver.status() & Status.featuresOk).toBe(0);
    expect(() => driver.setStatus(AGREED | Status.driverOk)).toThrow(DeviceFault);
  });

  it('forgets everything at a reset', () => {
    const { driver, transport, line } = plug();
    driver.start([], [0, 1]);
    transport.interrupt();
    driver.setStatus(0);
    expect(driver.status()).toBe(0);
    expect(line.up).toBe(false);
    transport.write(Common.queueSelect, 2, 0);
    expect(transport.read(Common.queueEnable, 2)).toBe(0);
    driver.start([], [0, 1]);
    expect(transport.running).toBe(true);
  });
});

describe('registers', () => {
  it('shows the device configuration byte by byte and as words', () => {
    const { transport } = plug();
    expect([0, 1, 2, 3, 4, 5].map(i => transport.read(0x80 + i, 1))).toEqual([...MAC]);
    expect(transport.read(0x80 + 10, 2)).toBe(1500);
    expect(transport.read(0x80 + 6, 2)).toBe(1);
  });

  it('clears the interrupt when the ISR is read', () => {
    const { driver, transport, line } = plug();
    driver.start([], [0, 1]);
    transport.interrupt();
    transport.configChanged();
    expect(line.up).toBe(true);
    expect(driver.readIsr()).toBe(3);
    expect(line.up).toBe(false);
    expect(driver.readIsr()).toBe(0);
  });

  it('counts a new generation when the configuration changes', () => {
    const { transport, net } = plug();
    const before = transport.read(Common.configGeneration, 1);
    net.setMac(Uint8Array.of(2, 0, 0, 0, 0, 9));
    expect(transport.read(Common.configGeneration, 1)).not.toBe(before);
    expect(transport.read(0x85, 1)).toBe(9);
  });

  it('has no queue beyond the last one', () => {
    const { transport } = plug();
    transport.write(Common.queueSelect, 2, 3);
    expect(transport.read(Common.queueSize, 2)).toBe(0);
    expect(() => transport.write(Common.queueSize, 2, 64)).toThrow('set-up of queue 3; there are 3');
  });

  it.each([
    ['a read between structures', (t: VirtioTransport) => t.read(0x60, 4)],
    ['a read that runs past the configuration', (t: VirtioTransport) => t.read(0x80 + 11, 2)],
    ['a write to the configuration', (t: VirtioTransport) => t.write(0x80, 1, 0)],
    ['a register at the wrong width', (t: VirtioTransport) => t.read(Common.deviceFeature, 2)],
    ['a notification of no queue', (t: VirtioTransport) => t.write(0x44, 2, 7)],
    ['an address above 4 GiB', (t: VirtioTransport) => t.write(Common.queueDesc + 4, 4, 1)],
  ])('stops the VM at %s', (_, access) => {
    expect(() => access(plug().transport)).toThrow(DeviceFault);
  });

  it.each([
    ['an odd size', 48, 0x1000],
    ['a size above the offered one', 512, 0x1000],
    ['a misaligned table', 64, 0x1008],
    ['a table beyond memory', 64, 0xfffffff0],
  ])('refuses a queue with %s', (_, size, desc) => {
    const { transport } = plug();
    transport.write(Common.queueSelect, 2, 0);
    transport.write(Common.queueSize, 2, size);
    transport.write(Common.queueDesc, 4, desc);
    expect(() => transport.write(Common.queueEnable, 2, 1)).toThrow(DeviceFault);
  });

  it('refuses to move a queue that is in use', () => {
    const { driver, transport } = plug();
    driver.start([], [0, 1]);
    expect(() => transport.write(Common.queueDesc, 4, 0x2000)).toThrow('changed while it is in use');
  });
});

describe('saved state', () => {
  it('goes on where it was', () => {
    const { driver, transport, memory } = plug();
    driver.start([NetFeature.mrgRxbuf], [0, 1]);
    transport.interrupt();
    const state = structuredClone(transport.save());

    const line = new TestLine();
    const net = new VirtioNet({ mac: MAC, mtu: 1500, transmit: () => {} });
    const copy = new VirtioTransport('virtio-net0', net, memory, line);
    copy.restore(state);
    expect(copy.save()).toEqual(transport.save());
    expect(line.up).toBe(true);
    expect(copy.running).toBe(true);
    expect(copy.negotiated(NetFeature.mrgRxbuf)).toBe(true);
  });

  it.each([
    ['nothing', undefined],
    ['another version', { version: 9 }],
    ['another device type', { version: 1, type: 3 }],
    ['features that were not offered', { version: 1, type: 1, accepted: 1n << 50n }],
    ['a queue beyond memory', 'queue'],
  ])('refuses %s', (_, broken) => {
    const { driver, transport } = plug();
    driver.start([], [0, 1]);
    const state = structuredClone(transport.save());
    state.queues[0]!.desc = 0xffffff00;
    expect(() => transport.restore(broken === 'queue' ? state : broken)).toThrow(DeviceFault);
  });
});
