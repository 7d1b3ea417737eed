import { DeviceFault } from '../../platform';
import { TestDriver, TestLine, testMemory } from '../testing';
import { DEVICE_OFFSET } from '../transport/registers';
import { VirtioTransport } from '../transport/transport';
import { VirtioBalloon } from './device';

const INFLATE = 0;
const DEFLATE = 1;
const PAGE = 4096;

function plug(memory = testMemory()) {
  const device = new VirtioBalloon();
  const line = new TestLine();
  const transport = new VirtioTransport('virtio-balloon', device, memory, line);
  return { memory, device, line, transport, driver: new TestDriver(transport, memory) };
}

function started() {
  const kit = plug();
  kit.driver.start([0], [INFLATE, DEFLATE]);
  return kit;
}

function tell(driver: TestDriver, queue: number, ...pages: number[]): void {
  driver.offer(queue, [driver.readable(new Uint8Array(Uint32Array.from(pages).buffer))]);
  driver.kick(queue);
}

it('tells the driver how many pages it is to give, with an interrupt', () => {
  const { device, transport, line } = started();
  device.setTarget(77);
  expect(transport.read(DEVICE_OFFSET, 4)).toBe(77);
  expect(line.up).toBe(true);
});

it('zeroes the pages that it is given, and forgets them when the driver takes them back', () => {
  const { device, driver, memory } = started();
  memory.bytes().fill(0xaa, 200 * PAGE, 203 * PAGE);
  tell(driver, INFLATE, 200, 201);
  expect(device.actual).toBe(2);
  expect(
    memory
      .bytes()
      .subarray(200 * PAGE, 202 * PAGE)
      .every(byte => byte === 0),
  ).toBe(true);
  expect(memory.bytes()[202 * PAGE]).toBe(0xaa);
  expect(memory.written).toContainEqual([200 * PAGE, 201 * PAGE]);
  tell(driver, DEFLATE, 200);
  expect(device.actual).toBe(1);
  expect([driver.used(INFLATE).length, driver.used(DEFLATE).length]).toEqual([1, 1]);
});

it('counts a page once, however often it is named', () => {
  const { device, driver } = started();
  tell(driver, INFLATE, 200, 200);
  tell(driver, DEFLATE, 201);
  expect(device.actual).toBe(1);
  expect(device.metrics()).toMatchObject({ inflated: 1, deflated: 0, repeated: 2 });
});

it('lets the driver say how many it has, and nothing else', () => {
  const { transport } = started();
  transport.write(DEVICE_OFFSET + 4, 4, 0x12345);
  expect(transport.read(DEVICE_OFFSET + 4, 4)).toBe(0x12345);
  expect(() => transport.write(DEVICE_OFFSET, 4, 1)).toThrow(DeviceFault);
});

it('stops a guest that gives what it has not, or no list', () => {
  expect(() => tell(started().driver, INFLATE, 256)).toThrow('outside of the guest');
  expect(() => tell(started().driver, DEFLATE, 0xffffffff)).toThrow('outside of the guest');
  const { driver } = started();
  driver.offer(INFLATE, [driver.readable(new Uint8Array(6))]);
  expect(() => driver.kick(INFLATE)).toThrow('6 bytes are not a list of pages');
});

it('holds nothing any more of a driver that resets it', () => {
  const { device, driver } = started();
  tell(driver, INFLATE, 200);
  driver.setStatus(0);
  expect(device.actual).toBe(0);
});

it('goes on elsewhere with the pages that it holds', () => {
  const { device, driver, transport } = started();
  device.setTarget(3);
  tell(driver, INFLATE, 202, 200);
  const there = plug();
  there.transport.restore(transport.save());
  expect([there.device.target, there.device.actual]).toEqual([3, 2]);
  expect(there.transport.save()).toEqual(transport.save());
});

it.each([
  ['of another version', { version: 2 }],
  ['with a page beyond memory', { held: Uint32Array.of(256) }],
  ['with a page twice', { held: Uint32Array.of(7, 7) }],
  ['with no list', { held: [7] }],
  ['with a target that is no number', { target: -1 }],
])('refuses a state %s', (_, change) => {
  const { transport } = started();
  const state = transport.save();
  Object.assign(state.device, change);
  expect(() => plug().transport.restore(state)).toThrow('saved state refused');
});
