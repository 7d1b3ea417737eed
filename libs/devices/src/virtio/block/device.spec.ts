import { DeviceFault } from '../../platform';
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC } from '../features';
import { random, TestDriver, TestLine, testMemory, type TestBuffer } from '../testing';
import { VirtioTransport } from '../transport/transport';
import { NoSpace, VirtioBlock, type BlockBackend } from './device';
import { BlockFeature, RequestType, SECTOR_BYTES } from './registers';

const DISK = 64 << 10;

class MemoryDisk implements BlockBackend {
  readonly bytes = new Uint8Array(DISK);
  flushes = 0;
  fail: Error | undefined;
  read(offset: number, into: Uint8Array): void {
    if (this.fail) throw this.fail;
    into.set(this.bytes.subarray(offset, offset + into.length));
  }
  write(offset: number, from: Uint8Array): void {
    if (this.fail) throw this.fail;
    this.bytes.set(from, offset);
  }
  flush(): void {
    if (this.fail) throw this.fail;
    this.flushes++;
  }
}

function plug(readOnly = false, memory = testMemory(), disk = new MemoryDisk()) {
  const stalls: string[] = [];
  const device = new VirtioBlock({
    ...{ bytes: DISK, readOnly, serial: 'root' },
    stalled: reason => void stalls.push(reason),
  });
  const line = new TestLine();
  const transport = new VirtioTransport('virtio-blk0', device, memory, line);
  device.plug(disk);
  return { memory, device, disk, line, transport, stalls, driver: new TestDriver(transport, memory) };
}

function started(features: number[] = [], readOnly = false) {
  const kit = plug(readOnly);
  kit.driver.start(features, [0], 128);
  return kit;
}

function header(type: number, sector: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, type, true);
  view.setBigUint64(8, BigInt(sector), true);
  return new Uint8Array(view.buffer);
}

/** Offers a request. @returns where its status will be */
function offer(
  driver: TestDriver,
  type: number,
  sector: number,
  data: TestBuffer[] = [],
  indirect = false,
): TestBuffer {
  const status = driver.writable(1);
  driver.memory.bytes()[status.address] = 0xee;
  driver.offer(0, [driver.readable(header(type, sector)), ...data, status], indirect);
  return status;
}

function request(driver: TestDriver, type: number, sector: number, data: TestBuffer[] = []): number {
  const status = offer(driver, type, sector, data);
  driver.kick(0);
  return driver.bytes(status)[0]!;
}

const pattern = (length: number, seed: number) => {
  const next = random(seed);
  return Uint8Array.from({ length }, () => next(256));
};

describe('a disk', () => {
  it('tells its size in sectors', () => {
    const { transport } = started();
    expect(transport.read(0x80, 4)).toBe(DISK / SECTOR_BYTES);
  });

  it.each([[[]], [[VIRTIO_F_EVENT_IDX]], [[VIRTIO_F_INDIRECT_DESC]]])(
    'reads what was written, in pieces of any length, with features %j',
    features => {
      const { driver, disk, line } = started(features);
      const data = pattern(4096, 1);
      const cuts = [0, 1, 513, 2048, 4096];
      const pieces = cuts.slice(1).map((end, i) => driver.readable(data.subarray(cuts[i], end)));
      expect(request(driver, RequestType.write, 3, pieces)).toBe(0);
      expect(disk.bytes.slice(3 * 512, 3 * 512 + 4096)).toEqual(data);
      const into = [driver.writable(700), driver.writable(3396)];
      driver.wantInterrupt(0);
      expect(request(driver, RequestType.read, 3, into)).toBe(0);
      expect(Buffer.concat(into.map(part => driver.bytes(part)))).toEqual(Buffer.from(data));
      expect(driver.used(0).map(({ written }) => written)).toEqual([1, 4097]);
      expect(line.raised).toBe(1);
    },
  );

  it('takes requests of one indirect table each', () => {
    const { driver, disk } = started([VIRTIO_F_INDIRECT_DESC]);
    const statuses = [0, 1, 2].map(i =>
      offer(driver, RequestType.write, i, [driver.readable(pattern(512, i))], true),
    );
    driver.kick(0);
    expect(statuses.map(at => driver.bytes(at)[0])).toEqual([0, 0, 0]);
    expect(disk.bytes.slice(512, 1024)).toEqual(pattern(512, 1));
  });

  it('flushes, tells its serial number and writes zeroes', () => {
    const { driver, disk } = started([BlockFeature.flush, BlockFeature.writeZeroes]);
    expect(request(driver, RequestType.flush, 0)).toBe(0);
    expect(disk.flushes).toBe(1);
    const id = driver.writable(20);
    expect(request(driver, RequestType.getId, 0, [id])).toBe(0);
    expect(Buffer.from(driver.bytes(id)).toString()).toBe('root'.padEnd(20, '\0'));
    disk.bytes.fill(1);
    const range = new DataView(new ArrayBuffer(16));
    range.setBigUint64(0, 2n, true);
    range.setUint32(8, 4, true);
    expect(request(driver, RequestType.writeZeroes, 0, [driver.readable(new Uint8Array(range.buffer))])).toBe(
      0,
    );
    expect(disk.bytes.slice(1023, 1025)).toEqual(Uint8Array.of(1, 0));
    expect(disk.bytes.slice(6 * 512 - 1, 6 * 512 + 1)).toEqual(Uint8Array.of(0, 1));
  });

  it('refuses what is outside of it, what is not of whole sectors, and what it does not know', () => {
    const { driver, device } = started();
    const last = DISK / SECTOR_BYTES;
    expect(request(driver, RequestType.read, last - 1, [driver.writable(1024)])).toBe(1);
    expect(request(driver, RequestType.write, last, [driver.readable(new Uint8Array(512))])).toBe(1);
    expect(request(driver, RequestType.write, 0, [driver.readable(new Uint8Array(511))])).toBe(1);
    expect(request(driver, 99, 0)).toBe(2);
    expect(device.metrics()).toMatchObject({ refused: 4, hostErrors: 0 });
  });

  it('is not written when it is read only', () => {
    const { driver, disk } = started([BlockFeature.readOnly], true);
    expect(request(driver, RequestType.write, 0, [driver.readable(pattern(512, 1))])).toBe(1);
    expect(disk.bytes.every(byte => byte === 0)).toBe(true);
  });

  it('answers a failure of the host with an error, and stops a driver that leaves no place for it', () => {
    const { driver, disk, device } = started();
    disk.fail = new Error('EIO');
    expect(request(driver, RequestType.read, 0, [driver.writable(512)])).toBe(1);
    expect(device.metrics()).toMatchObject({ hostErrors: 1 });
    driver.offer(0, [driver.readable(header(RequestType.flush, 0))]);
    expect(() => driver.kick(0)).toThrow(DeviceFault);
  });
});

describe('a disk whose host has no room', () => {
  it('keeps the request and all behind it in order, and carries them out when it is resumed', () => {
    const { driver, disk, device, stalls } = started();
    disk.fail = new NoSpace('no space left');
    const statuses = [0, 1].map(i => offer(driver, RequestType.write, i, [driver.readable(pattern(512, i))]));
    driver.kick(0);
    driver.kick(0);
    expect(stalls).toEqual(['no space left']);
    expect(driver.used(0)).toEqual([]);
    expect(device.metrics()).toMatchObject({ stalled: 1, stalls: 1 });
    device.resume();
    expect(stalls).toHaveLength(2);
    disk.fail = undefined;
    device.resume();
    expect(statuses.map(at => driver.bytes(at)[0])).toEqual([0, 0]);
    expect(disk.bytes.slice(0, 1024)).toEqual(Uint8Array.from([...pattern(512, 0), ...pattern(512, 1)]));
  });
});

describe('the saved state of a disk', () => {
  it('has the requests that wait, which are carried out where it is restored', () => {
    const { driver, device, transport, memory } = started();
    device.plug(undefined);
    const status = offer(driver, RequestType.write, 5, [driver.readable(pattern(512, 5))]);
    driver.kick(0);
    const state = structuredClone(transport.save());
    const elsewhere = testMemory();
    elsewhere.bytes().set(memory.bytes());
    const other = plug(false, elsewhere);
    other.transport.restore(state);
    expect(other.disk.bytes.every(byte => byte === 0)).toBe(true);
    other.device.resume();
    const moved = driver.moved(other.transport, elsewhere);
    expect(moved.bytes(status)[0]).toBe(0);
    expect(other.disk.bytes.slice(5 * 512, 6 * 512)).toEqual(pattern(512, 5));
    expect(other.line.up).toBe(true);
  });

  it('is refused by a disk of another size, or another version', () => {
    const { transport } = started();
    const state = transport.save();
    const refused = [{ version: 1, sectors: 7 }, { version: 2, sectors: DISK / 512 }, {}];
    for (const device of refused) expect(() => transport.restore({ ...state, device })).toThrow(DeviceFault);
  });
});
