import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { BATCH_PAGES, PAGE_BYTES, type MachineHead, type PageBatch } from '@v3vee/machine';
import { PageReceiver } from './page-receiver';
import { PageSender } from './page-sender';
import { decodeHead, encodeHead, encodePages, MAX_MESSAGE_BYTES, openMessage } from './page-stream';

const MEMORY_PAGES = 16_384;
const batch = (numbers: number[], fill?: number): PageBatch => ({
  numbers: Uint32Array.from(numbers),
  bytes:
    fill === undefined
      ? new Uint8Array(randomBytes(numbers.length * PAGE_BYTES))
      : new Uint8Array(numbers.length * PAGE_BYTES).fill(fill),
});
const head: MachineHead = {
  format: 1,
  engineVersion: '0.5',
  memoryMiB: 64,
  nicCount: 1,
  devices: new Uint8Array(randomBytes(600_000)),
};
const many = Array.from({ length: BATCH_PAGES }, (_, i) => i * 200);
/** As a message with a right checksum whose bytes at `offset` are others. */
function forged(message: Uint8Array, offset: number, ...bytes: number[]): Uint8Array {
  const changed = message.slice();
  changed.set(bytes, offset);
  new DataView(changed.buffer).setUint32(4, crc32(changed.subarray(8)), true);
  return changed;
}

describe('a message of pages', () => {
  it.each([
    ['packed, when that is shorter', batch(many, 7), true],
    ['as they are, when it is not', batch(many), true],
    ['as they are', batch([3], 1), false],
  ])('carries them %s', async (_, pages, compress) => {
    const message = await encodePages(5, pages, compress);
    expect(message.length).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
    const { sequence, read } = openMessage(message, MEMORY_PAGES);
    expect(sequence).toBe(5);
    expect(await read()).toEqual({ kind: 'pages', ...pages });
  });

  it('gives pages whose buffer is theirs alone, so that it can be moved to a thread', async () => {
    const message = await encodePages(0, batch([1], 1), true);
    const content = await openMessage(message, MEMORY_PAGES).read();
    expect(content).toMatchObject({ kind: 'pages' });
    expect((content as PageBatch).bytes.buffer.byteLength).toBe(PAGE_BYTES);
  });

  it('is refused where it is not one, with the place', async () => {
    const message = await encodePages(0, batch([1, 2]), false);
    const packed = await encodePages(0, batch([1, 2], 0), true);
    const refused: [Uint8Array, RegExp][] = [
      [new Uint8Array(), /0 bytes are less than its header \(offset 0\)/],
      [new Uint8Array(MAX_MESSAGE_BYTES + 1), /are more than the \d+ that it may have/],
      [message.with(0, 0), /does not begin with V3M1/],
      [message.with(8_000, message[8_000]! ^ 1), /its checksum is wrong \(offset 4\)/],
      [message.subarray(0, 200), /its checksum is wrong/],
      [forged(message, 12, 9), /a kind is 1 or 2, not 9 \(offset 12\)/],
      [forged(message, 13, 2), /a packing is 0 or 1, not 2/],
      [forged(message, 14, 0, 0), /1 to 64 pages, not 0/],
      [forged(message, 14, 65, 0), /1 to 64 pages, not 65/],
      [forged(message, 14, 1, 0), /1 pages have 4096 bytes, not 8196 \(offset 20\)/],
      [forged(message, 16, 0, 64, 0, 0), /there is no page 16384, the machine has 16384 \(offset 16\)/],
      [forged(message.subarray(0, 18), 14, 2, 0), /the numbers of 2 pages do not fit/],
    ];
    for (const [bytes, why] of refused) expect(() => openMessage(bytes, MEMORY_PAGES)).toThrow(why);
    // Found when it is unpacked, and never more than it may be.
    await expect(openMessage(forged(packed, 14, 1, 0), MEMORY_PAGES).read()).rejects.toThrow(/unpacked/);
    await expect(openMessage(forged(packed, 24, 0xff), MEMORY_PAGES).read()).rejects.toThrow(/unpacked/);
  });

  it('of any bytes is refused or taken, and nothing else', async () => {
    const message = await encodePages(0, batch([1, 2, 3], 5), true);
    for (let seed = 0; seed < 3_000; seed++) {
      const noise = randomBytes(3);
      const at = ((noise[0]! << 8) | noise[1]!) % message.length;
      const changed = seed % 2 ? forged(message, at, noise[2]!) : message.subarray(0, at);
      try {
        const content = await openMessage(changed, MEMORY_PAGES).read();
        if (content.kind === 'pages') expect(content.bytes.length).toBe(content.numbers.length * PAGE_BYTES);
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'INVALID_REQUEST' });
      }
    }
  });
});

describe('the head', () => {
  it('travels in parts', async () => {
    const messages = encodeHead(9, head);
    expect(messages.length).toBe(3);
    const parts = await Promise.all(
      messages.map(async (message, index) => {
        const { sequence, read } = openMessage(message, MEMORY_PAGES);
        expect(sequence).toBe(9 + index);
        const content = await read();
        expect(content).toMatchObject({ kind: 'head', part: index, parts: 3 });
        return content.kind === 'head' ? content.bytes : new Uint8Array();
      }),
    );
    expect(decodeHead(parts)).toEqual(head);
  });

  it('is refused where it is not one', () => {
    const text = (json: string) => {
      const bytes = Buffer.alloc(4 + json.length);
      bytes.writeUInt32LE(json.length);
      bytes.write(json, 4);
      return bytes;
    };
    expect(() => decodeHead([])).toThrow('the head ends inside of its text');
    expect(() => decodeHead([text('{}').subarray(0, 5)])).toThrow('the head ends inside of its text');
    expect(() => decodeHead([text('{,}')])).toThrow('the head is not JSON');
    expect(() => decodeHead([text('{"format":1}')])).toThrow(/incomplete.*engineVersion/s);
    const [message] = encodeHead(0, head);
    expect(() => openMessage(forged(message!, 16, 3, 0, 0, 0), MEMORY_PAGES)).toThrow('no part 3 of 3');
    expect(() => openMessage(forged(message!, 20, 0xff, 0xff), MEMORY_PAGES)).toThrow('no part 0 of 65535');
  });
});

describe('the two ends of a stream', () => {
  function rig(
    options: { bytesPerSecond?: number; fate?: (index: number) => 'lost' | 'twice' | undefined } = {},
  ) {
    const memory = new Map<number, number>();
    const written: number[] = [];
    const receiver = new PageReceiver(
      {
        write: async ({ numbers, bytes }) => {
          numbers.forEach((page, i) => memory.set(page, bytes[i * PAGE_BYTES]!));
          written.push(...numbers);
        },
      },
      MEMORY_PAGES,
    );
    let sent = 0;
    let underWay = 0;
    let most = 0;
    const sender = new PageSender({
      bytesPerSecond: options.bytesPerSecond,
      send: async message => {
        most = Math.max(most, ++underWay);
        try {
          const fate = options.fate?.(sent++);
          if (fate === 'lost') throw new Error('no answer');
          if (fate === 'twice') void receiver.take(message);
          await receiver.take(message);
        } finally {
          underWay--;
        }
      },
    });
    return { sender, receiver, memory, written, most: () => most };
  }

  it('bring pages and head over, the last copy of a page last, with a bounded number under way', async () => {
    const { sender, receiver, memory, most } = rig();
    for (let round = 1; round <= 5; round++) {
      for (let i = 0; i < 20; i++) await sender.deliver(batch([i, 1_000 + i, round], round));
    }
    await sender.drain();
    sender.hurry();
    await sender.deliver(batch([0], 99));
    await sender.head(head);
    await sender.drain();
    expect(await receiver.whole(301)).toEqual(head);
    expect([memory.get(0), memory.get(1_019), sender.pages]).toEqual([99, 5, 301]);
    expect(most()).toBeLessThanOrEqual(16);
    expect(sender.pageMs).toBeGreaterThan(0);
  });

  it('take a repeated message once', async () => {
    const { sender, receiver, written } = rig({ fate: () => 'twice' });
    for (const page of [1, 2, 3]) await sender.deliver(batch([page], page));
    await sender.head(head);
    await sender.drain();
    expect(written).toEqual([1, 2, 3]);
    expect(await receiver.whole(3)).toEqual(head);
  });

  it('notice a lost one: nothing follows it, and the other end has not got all', async () => {
    const { sender, receiver } = rig({ fate: index => (index === 1 ? 'lost' : undefined) });
    await expect(
      (async () => {
        for (let page = 0; page < 40; page++) await sender.deliver(batch([page], 1));
        await sender.drain();
      })(),
    ).rejects.toThrow(/no answer|message 2 came where 1 was to come/);
    await expect(sender.deliver(batch([1], 1))).rejects.toThrow();
    await expect(receiver.whole(40)).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
  });

  it('notice that the head is missing, or a part of it', async () => {
    const { receiver } = rig();
    await expect(receiver.whole(0)).rejects.toThrow('of the devices 0 parts came');
    const [first, , third] = encodeHead(0, head);
    await receiver.take(first!);
    await expect(receiver.take(third!)).rejects.toThrow('message 2 came where 1 was to come');
    await expect(receiver.whole(0)).rejects.toThrow('of the devices 1 parts came');
    await expect(receiver.take(forged(third!, 8, 1))).rejects.toThrow(
      'part 2 of the devices came as number 1',
    );
    await expect(receiver.whole(0)).rejects.toThrow('part 2 of the devices');
  });

  it('end with the first page that can’t be put in', async () => {
    const broken = { write: () => Promise.reject(new Error('the thread ended')) };
    const receiver = new PageReceiver(broken, MEMORY_PAGES);
    const messages = await Promise.all([0, 1].map(sequence => encodePages(sequence, batch([1], 1), false)));
    await expect(receiver.take(messages[0]!)).rejects.toThrow('the thread ended');
    await expect(receiver.take(messages[1]!)).rejects.toThrow('the thread ended');
    await expect(receiver.whole(2)).rejects.toThrow('the thread ended');
  });

  it('keep to a limit, except when the guest stands still', async () => {
    const bytesPerSecond = 1 << 20;
    const { sender } = rig({ bytesPerSecond });
    const pages = batch(many);
    const began = performance.now();
    for (let i = 0; i < 2; i++) await sender.deliver(pages);
    await sender.drain();
    // What the limit allows at once is little; the rest takes its time at least.
    const least = (sender.bytes / bytesPerSecond) * 1_000 - 100;
    expect(performance.now() - began).toBeGreaterThanOrEqual(least - 1);
    sender.hurry();
    const bytes = sender.bytes;
    for (let i = 0; i < 64; i++) await sender.deliver(pages);
    await sender.drain();
    expect(performance.now() - began).toBeLessThan(((sender.bytes - bytes) / bytesPerSecond) * 1_000);
  });
});
