import { deserialize, serialize } from 'node:v8';
import { nicModes } from '@v3vee/contracts';
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC } from '../features';
import { random, TestDriver, TestLine, testMemory, type TestBuffer } from '../testing';
import { VirtioTransport } from '../transport/transport';
import { VirtioNet } from './device';
import { NetFeature } from './header';

/**
 * No frame is lost and none comes twice, whatever order the guest, the network, the dispatcher and those who save
 * and restore the machine take their turns in. The driver kicks only when it is asked to, and looks into its rings
 * only when it is interrupted: a lost kick or interrupt shows as a lost frame.
 */

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const RX = 0;
const TX = 1;
const RING = 16;
const STEPS = 150;
const HEADER = 12;

class World {
  private readonly next: (limit: number) => number;
  private memory = testMemory(2 << 20);
  private line = new TestLine();
  private net!: VirtioNet;
  private transport!: VirtioTransport;
  private driver: TestDriver;
  private now = 0;
  private serial = 0;
  private readonly outstanding = { [RX]: 0, [TX]: 0 };
  /** Buffers of the receive ring by head, in the order they were offered. */
  private readonly buffers: TestBuffer[] = [];
  private partial: Uint8Array[] = [];

  readonly offered: number[] = [];
  readonly transmitted: number[] = [];
  readonly injected: number[] = [];
  readonly received: number[] = [];
  moves = 0;

  constructor(seed: number) {
    this.next = random(seed);
    this.makeDevice();
    this.driver = new TestDriver(this.transport, this.memory);
    const ring = [VIRTIO_F_INDIRECT_DESC, ...(seed % 2 ? [VIRTIO_F_EVENT_IDX] : [])];
    this.driver.start([...Object.values(NetFeature), ...ring], [RX, TX, 2], RING);
  }

  run(): void {
    for (let step = 0; step < STEPS; step++) this.step();
    // then the guest goes on until nothing is left to do
    for (let idle = 0; idle < 3;) {
      const progress = this.interrupt() || this.poll();
      this.offerReceive();
      idle = progress ? 0 : idle + 1;
      if (idle === 1) this.net.settle();
    }
  }

  private step(): void {
    switch (this.next(10)) {
      case 0:
      case 1:
        return this.offerTransmit();
      case 2:
        return this.offerReceive();
      case 3:
      case 4:
        return this.inject();
      case 5:
        return void this.poll();
      case 6:
        return void this.interrupt();
      case 7:
        return void (this.next(2) ? this.net.settle() : this.net.expect());
      case 8:
        return this.configure();
      case 9:
        return this.save();
    }
  }

  private makeDevice(): void {
    this.net = new VirtioNet({
      mac: MAC,
      mtu: 1500,
      transmit: frames => this.transmitted.push(...frames.map(serialOf)),
    });
    this.transport = new VirtioTransport('virtio-net0', this.net, this.memory, this.line);
  }

  private frame(): Uint8Array {
    const big = this.next(4) === 0;
    const bytes = new Uint8Array(HEADER + 60 + this.next(big ? 6000 : 1400));
    bytes.set(MAC, HEADER);
    new DataView(bytes.buffer).setUint32(HEADER + 14, this.serial, true);
    if (bytes.length > 1500) bytes.set([1, 1, 0, 0, 0xa8, 5, 34, 0, 16, 0], 0); // TCP over IPv4, segments of 1448
    return bytes;
  }

  private offerTransmit(): void {
    const before = this.driver.rings.get(TX)!.availIndex;
    for (let count = this.next(6); count > 0 && this.outstanding[TX] < RING; count--) {
      const frame = this.frame();
      this.offered.push(this.serial++);
      const parts = [
        this.driver.readable(frame.subarray(0, HEADER)),
        this.driver.readable(frame.subarray(HEADER)),
      ];
      this.driver.offer(TX, parts, true);
      this.outstanding[TX]++;
    }
    this.driver.kickIfWanted(TX, before);
  }

  private offerReceive(): void {
    const before = this.driver.rings.get(RX)!.availIndex;
    for (let count = 1 + this.next(RING); count > 0 && this.outstanding[RX] < RING; count--) {
      const buffer = this.driver.writable(1526);
      this.driver.offer(RX, [buffer]);
      this.buffers.push(buffer);
      this.outstanding[RX]++;
    }
    this.driver.kickIfWanted(RX, before);
  }

  private inject(): void {
    const frames = Array.from({ length: this.next(5) }, () => {
      const frame = this.frame();
      this.injected.push(this.serial++);
      return frame;
    });
    this.net.receive(frames);
  }

  private poll(): boolean {
    this.now += this.next(6);
    return this.net.poll(this.now);
  }

  /** The driver's handler: it looks only if the line is up. */
  private interrupt(): boolean {
    if (!this.line.up) return false;
    this.driver.readIsr();
    this.outstanding[TX] -= this.driver.used(TX).length;
    for (const { written } of this.driver.used(RX)) {
      this.outstanding[RX]--;
      this.take(this.driver.bytes(this.buffers.shift()!, written));
    }
    for (const queue of [RX, TX]) this.driver.wantInterrupt(queue);
    return true;
  }

  /** Puts a frame together from its buffers. */
  private take(data: Uint8Array): void {
    this.partial.push(data);
    const [first] = this.partial;
    if (this.partial.length < (first![10]! | (first![11]! << 8))) return;
    this.received.push(serialOf(first!));
    this.partial = [];
  }

  private configure(): void {
    this.net.configure({ mode: nicModes[this.next(3)], optimisticInterrupts: this.next(2) === 0 });
  }

  /** Saves; the machine goes on as it is, or another one goes on from there. */
  private save(): void {
    const state = deserialize(serialize(this.transport.save())) as unknown;
    if (this.next(3) === 0) return;
    const memory = testMemory(this.memory.size);
    memory.bytes().set(this.memory.bytes());
    this.memory = memory;
    this.line = new TestLine();
    this.makeDevice();
    if (this.next(2)) this.configure();
    this.transport.restore(state);
    this.driver = this.driver.moved(this.transport, memory);
    this.moves++;
  }
}

const serialOf = (frame: Uint8Array): number =>
  new DataView(frame.buffer, frame.byteOffset).getUint32(HEADER + 14, true);

it('no frame is lost and none comes twice over 150 random histories', () => {
  let [moves, frames] = [0, 0];
  for (let seed = 1; seed <= 150; seed++) {
    const world = new World(seed);
    world.run();
    expect({ seed, transmitted: world.transmitted }).toEqual({ seed, transmitted: world.offered });
    expect({ seed, received: world.received }).toEqual({ seed, received: world.injected });
    moves += world.moves;
    frames += world.offered.length + world.injected.length;
  }
  expect(moves).toBeGreaterThan(500);
  expect(frames).toBeGreaterThan(5000);
});
