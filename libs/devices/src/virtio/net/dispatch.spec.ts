import type { NicMode } from '@v3vee/contracts';
import { VIRTIO_F_EVENT_IDX } from '../features';
import { TestDriver, TestLine, testMemory } from '../testing';
import { VirtioTransport } from '../transport/transport';
import { VirtioNet } from './device';
import { NetFeature } from './header';
import { DISPATCH_QUOTA } from './modes';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const RX = 0;
const TX = 1;

function plug(features: number[]) {
  const memory = testMemory();
  const line = new TestLine();
  const bursts: number[] = [];
  const net = new VirtioNet({ mac: MAC, mtu: 1500, transmit: frames => void bursts.push(frames.length) });
  const driver = new TestDriver(new VirtioTransport('virtio-net0', net, memory, line), memory);
  driver.start([...Object.values(NetFeature), ...features], [RX, TX, 2]);
  const send = (count: number) => {
    const before = driver.rings.get(TX)!.availIndex;
    for (let i = 0; i < count; i++) driver.offer(TX, [driver.readable(new Uint8Array(72))]);
    driver.kickIfWanted(TX, before);
  };
  const give = (count: number) => {
    const before = driver.rings.get(RX)!.availIndex;
    for (let i = 0; i < count; i++) driver.offer(RX, [driver.writable(1526)]);
    driver.kickIfWanted(RX, before);
  };
  const receive = (count: number) => {
    const frames = Array.from({ length: count }, () => new Uint8Array(72));
    for (const frame of frames) frame.set(MAC, 12);
    net.receive(frames);
  };
  /** Takes the interrupt, if there is one, and asks for the next. */
  const serve = () => {
    const interrupted = line.up;
    driver.readIsr();
    const used = [driver.used(RX).length, driver.used(TX).length];
    driver.wantInterrupt(RX);
    driver.wantInterrupt(TX);
    return { interrupted, used };
  };
  const mode = (wanted: NicMode, optimisticInterrupts = false) => {
    net.configure({ mode: wanted, optimisticInterrupts });
    net.poll(0);
  };
  return { net, driver, line, bursts, send, give, receive, serve, mode };
}

describe.each([
  ['with event index', [VIRTIO_F_EVENT_IDX]],
  ['without', []],
])('%s', (_, features) => {
  it('guest-driven: a kick sends at once, a delivery interrupts at once', () => {
    const { net, bursts, send, give, receive, serve } = plug(features);
    send(3);
    expect(bursts).toEqual([3]);
    expect(serve()).toEqual({ interrupted: true, used: [0, 3] });
    give(8);
    receive(2);
    expect(serve()).toEqual({ interrupted: true, used: [2, 0] });
    expect(net.poll(1)).toBe(false);
    expect(net.dispatch()).toMatchObject({ mode: 'guest-driven', polls: 0, switches: 0 });
  });

  it('vmm-driven: no kick, no work but in a turn, and one interrupt at its end', () => {
    const { net, bursts, send, give, receive, serve, mode } = plug(features);
    mode('vmm-driven');
    const { kicks } = net.dispatch();
    send(3);
    give(8);
    receive(2);
    expect(bursts).toEqual([]);
    expect(serve()).toEqual({ interrupted: false, used: [0, 0] });
    expect(net.poll(1)).toBe(true);
    expect(bursts).toEqual([3]);
    const { interrupts } = net.dispatch();
    expect(serve()).toEqual({ interrupted: true, used: [2, 3] });
    expect(net.dispatch()).toMatchObject({
      kicks,
      transmit: 'vmm-driven',
      receive: 'vmm-driven',
      switches: 2,
    });
    expect(net.metrics().endInterrupts).toBe(1);
    expect(net.poll(2)).toBe(false);
    expect(net.dispatch().interrupts).toBe(interrupts);
  });

  it('vmm-driven: a turn takes no more than the quota in each direction, and the next one goes on', () => {
    const { net, bursts, send, give, receive, mode } = plug(features);
    mode('vmm-driven');
    send(DISPATCH_QUOTA + 6);
    give(DISPATCH_QUOTA + 6);
    receive(DISPATCH_QUOTA + 6);
    expect(net.poll(1)).toBe(true);
    expect(bursts).toEqual([DISPATCH_QUOTA]);
    expect(net.metrics().rxPackets).toBe(DISPATCH_QUOTA);
    expect(net.poll(2)).toBe(true);
    expect(bursts).toEqual([DISPATCH_QUOTA, 6]);
    expect(net.metrics().rxPackets).toBe(DISPATCH_QUOTA + 6);
    expect(net.poll(3)).toBe(false);
  });

  it('vmm-driven: before it sleeps the dispatcher asks for kicks, and looks again', () => {
    const { net, bursts, send, mode } = plug(features);
    mode('vmm-driven');
    send(1);
    expect(net.settle()).toBe(true); // came before it held
    expect(net.poll(1)).toBe(true);
    expect(net.settle()).toBe(false);
    const { kicks } = net.dispatch();
    send(2); // the kick is answered at once, and ends the asking
    expect(bursts).toEqual([1, 2]);
    send(1);
    expect(bursts).toEqual([1, 2]);
    expect(net.dispatch().kicks).toBe(kicks + 1);
  });

  it('vmm-driven: frames that wait for buffers come in when the guest gives some, asleep or not', () => {
    const { net, give, receive, mode, serve } = plug(features);
    mode('vmm-driven');
    receive(2);
    net.poll(1);
    expect(net.settle()).toBe(false);
    give(2);
    expect(serve()).toEqual({ interrupted: true, used: [2, 0] });
    receive(1);
    net.poll(2);
    give(1);
    expect(serve()).toEqual({ interrupted: false, used: [0, 0] });
    net.poll(3);
    expect(serve()).toEqual({ interrupted: true, used: [1, 0] });
  });

  it('back to guest-driven: what was left without a kick is taken', () => {
    const { net, bursts, send, give, receive, serve, mode } = plug(features);
    mode('vmm-driven');
    send(5);
    give(5);
    receive(5);
    mode('guest-driven');
    expect(bursts).toEqual([5]);
    expect(serve()).toEqual({ interrupted: true, used: [5, 5] });
    send(1);
    expect(bursts).toEqual([5, 1]);
    expect(net.dispatch()).toMatchObject({ transmit: 'guest-driven', switches: 4 });
  });

  it('adaptive: each direction switches for itself', () => {
    const { net, send, give, receive, serve, mode } = plug(features);
    mode('adaptive');
    give(200);
    receive(200);
    send(1);
    serve();
    net.poll(10);
    expect(net.dispatch()).toMatchObject({ transmit: 'guest-driven', receive: 'vmm-driven', switches: 1 });
    for (let now = 11; now <= 21; now++) net.poll(now);
    expect(net.dispatch()).toMatchObject({ receive: 'guest-driven', switches: 2 });
  });

  it('optimistic: an early interrupt while frames are on their way, another when the batch ended', () => {
    const { net, give, receive, serve, mode } = plug(features);
    mode('guest-driven', true);
    give(20);
    serve();
    expect([net.expect(), net.expect()]).toEqual([true, false]);
    receive(2);
    receive(2);
    expect(serve()).toEqual({ interrupted: true, used: [4, 0] }); // the early one was in time
    expect(net.poll(1)).toBe(true);
    expect(serve()).toEqual({ interrupted: true, used: [0, 0] });
    expect(net.dispatch()).toMatchObject({ earlyInterrupts: 1, spuriousInterrupts: 0 });
    expect(net.expect()).toBe(true);
    expect(serve()).toEqual({ interrupted: true, used: [0, 0] }); // this one was not
    receive(1);
    net.poll(2);
    expect(serve()).toEqual({ interrupted: true, used: [1, 0] });
    expect(net.dispatch()).toMatchObject({ earlyInterrupts: 2, spuriousInterrupts: 1 });
    expect(net.metrics().endInterrupts).toBe(2);
  });

  it('optimistic: does not disturb a driver that wants no interrupts, nor when the cable is out', () => {
    const { net, driver, give, receive, mode } = plug(features);
    mode('guest-driven', true);
    const { avail, size } = driver.rings.get(RX)!;
    give(20);
    receive(1); // passes the event index: the driver polls now
    driver.memory.view().setUint16(avail, 1, true); // and so without one
    net.poll(1);
    expect(net.expect()).toBe(false);
    driver.memory.view().setUint16(avail, 0, true);
    driver.memory.view().setUint16(avail + 4 + 2 * size, 1, true);
    net.configure({ linkUp: false });
    expect(net.expect()).toBe(false);
    net.configure({ linkUp: true });
    expect(net.expect()).toBe(true);
  });
});

it('does nothing before the driver runs', () => {
  const net = new VirtioNet({ mac: MAC, mtu: 1500, transmit: () => {} });
  new VirtioTransport('virtio-net0', net, testMemory(), new TestLine());
  net.configure({ mode: 'vmm-driven', optimisticInterrupts: true });
  expect([net.poll(0), net.settle(), net.expect()]).toEqual([false, false, false]);
});
