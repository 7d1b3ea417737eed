import { DeviceFault } from '../../platform';
import { TestDriver, TestLine, testMemory } from '../testing';
import { VirtioTransport } from '../transport/transport';
import { ControlEvent, decodeControl, encodeControl } from './control';
import { VirtioConsole } from './device';

const PORTS = ['org.qemu.guest_agent.0', 'org.v3vee.config.0'];
const MULTIPORT = 1;
const CONTROL_RX = 2;
const CONTROL_TX = 3;
const PORT1_RX = 4;
const PORT1_TX = 5;

function plug(memory = testMemory()) {
  const output: [number, string][] = [];
  const opened: [number, boolean][] = [];
  const device = new VirtioConsole({
    ports: PORTS,
    output: (port, data) => void output.push([port, Buffer.from(data).toString()]),
    opened: (port, open) => void opened.push([port, open]),
  });
  const transport = new VirtioTransport('virtio-console', device, memory, new TestLine());
  const driver = new TestDriver(transport, memory);
  return { memory, device, transport, driver, output, opened };
}

function started() {
  const kit = plug();
  kit.driver.start([MULTIPORT], [0, 1, 2, 3, 4, 5]);
  return kit;
}

const send = (driver: TestDriver, port: number, event: number, value: number) => {
  driver.offer(CONTROL_TX, [driver.readable(encodeControl({ port, event, value }))]);
  driver.kick(CONTROL_TX);
};

it('announces, names and opens its ports when the driver is ready', () => {
  const { driver } = started();
  const buffers = Array.from({ length: 8 }, () => driver.writable(64));
  for (const buffer of buffers) driver.offer(CONTROL_RX, [buffer]);
  send(driver, 0, ControlEvent.deviceReady, 1);
  send(driver, 1, ControlEvent.portReady, 1);
  const messages = driver.used(CONTROL_RX).map(({ written }, i) => driver.bytes(buffers[i]!, written));
  expect(messages.map(decodeControl)).toEqual([
    { port: 0, event: ControlEvent.deviceAdd, value: 0 },
    { port: 1, event: ControlEvent.deviceAdd, value: 0 },
    { port: 1, event: ControlEvent.portName, value: 1 },
    { port: 1, event: ControlEvent.portOpen, value: 1 },
  ]);
  expect(Buffer.from(messages[2]!.subarray(8)).toString()).toBe(`${PORTS[1]}\0`);
});

it('keeps control messages until the driver has buffers for them', () => {
  const { driver } = started();
  send(driver, 0, ControlEvent.deviceReady, 1);
  driver.offer(CONTROL_RX, [driver.writable(64)]);
  driver.offer(CONTROL_RX, [driver.writable(64)]);
  driver.kick(CONTROL_RX);
  expect(driver.used(CONTROL_RX)).toHaveLength(2);
});

it('tells when a program opens or closes a port', () => {
  const { driver, opened, device } = started();
  send(driver, 1, ControlEvent.portOpen, 1);
  expect(device.isOpen(1)).toBe(true);
  send(driver, 1, ControlEvent.portOpen, 0);
  expect(opened).toEqual([
    [1, true],
    [1, false],
  ]);
});

it('ignores and counts control messages for no port, and short ones', () => {
  const { driver, device } = started();
  send(driver, 9, ControlEvent.portOpen, 1);
  driver.offer(CONTROL_TX, [driver.readable(Uint8Array.of(1, 2))]);
  driver.kick(CONTROL_TX);
  expect(device.metrics()).toMatchObject({ controlDropped: 1 });
});

it('carries bytes both ways, per port', () => {
  const { driver, device, output } = started();
  driver.offer(PORT1_TX, [driver.readable(Buffer.from('ok clock\n'))]);
  driver.kick(PORT1_TX);
  driver.offer(1, [driver.readable(Buffer.from('{}\n'))]);
  driver.kick(1);
  expect(output).toEqual([
    [1, 'ok clock\n'],
    [0, '{}\n'],
  ]);
  const buffer = driver.writable(64);
  driver.offer(PORT1_RX, [buffer]);
  expect(device.send(1, Buffer.from('clock 5\n'))).toBe(true);
  expect(driver.used(PORT1_RX)).toEqual([{ id: 0, written: 8 }]);
  expect(Buffer.from(driver.bytes(buffer, 8)).toString()).toBe('clock 5\n');
});

it('keeps host input until the guest has buffers, cut to their sizes, and bounds it', () => {
  const { driver, device } = started();
  const text = Buffer.from('abcdefghij');
  expect(device.send(0, text)).toBe(true);
  expect(device.send(0, new Uint8Array(1 << 20))).toBe(false);
  const buffers = [4, 4, 4].map(length => driver.writable(length));
  for (const buffer of buffers) driver.offer(0, [buffer]);
  driver.kick(0);
  const used = driver.used(0);
  expect(used.map(({ written }) => written)).toEqual([4, 4, 2]);
  expect(Buffer.concat(used.map(({ written }, i) => driver.bytes(buffers[i]!, written)))).toEqual(text);
  expect(device.metrics()).toMatchObject({ inputRefused: 1, inputWaiting: 0, bytesIn: 10 });
});

it('does not pass on a write that is absurdly long', () => {
  const { driver, device, output } = started();
  const huge = { address: 0, length: 300 << 10 };
  driver.offer(1, [huge, huge, huge, huge]);
  driver.kick(1);
  expect(output).toEqual([]);
  expect(device.metrics()).toMatchObject({ outputDropped: 1 });
});

it('goes on after a restore: open ports, waiting input, waiting control messages', () => {
  const { driver, device, transport, memory } = started();
  send(driver, 1, ControlEvent.portOpen, 1);
  send(driver, 1, ControlEvent.portReady, 1);
  device.send(1, Buffer.from('ready\n'));
  const state = structuredClone(transport.save());
  const copy = plug(memory);
  copy.transport.restore(state);
  expect(copy.transport.save()).toEqual(state);
  expect(copy.opened).toEqual([[1, true]]);
  const buffer = driver.writable(64);
  driver.offer(PORT1_RX, [buffer]);
  copy.transport.write(0x44, 2, PORT1_RX);
  expect(Buffer.from(driver.bytes(buffer, 6)).toString()).toBe('ready\n');
});

it.each([[undefined], [{ version: 2 }], [{ version: 1, names: ['x'], open: [], input: [], control: [] }]])(
  'refuses the state %p',
  state => {
    const { transport } = started();
    expect(() => transport.restore({ ...transport.save(), device: state })).toThrow(DeviceFault);
  },
);
