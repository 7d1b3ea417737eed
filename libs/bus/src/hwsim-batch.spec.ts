import { randomUUID } from 'node:crypto';
import { V3Error } from '@v3vee/contracts';
import {
  decodeHwsimBatch,
  encodeHwsimBatch,
  HwsimSender,
  MAX_HWSIM_BYTES,
  type TaggedHwsim,
} from './hwsim-batch';

const message = (length: number, fill: number) => new Uint8Array(length).fill(fill);
const tagged = (length: number, fill: number, epoch = 1): TaggedHwsim => ({
  vmId: randomUUID(),
  epoch,
  message: message(length, fill),
});

describe('batches of hwsim messages', () => {
  it('carry messages of any length with the VM and the epoch that they are of', () => {
    const batch = [tagged(0, 0), tagged(72, 1, 0xffffffff), tagged(MAX_HWSIM_BYTES, 2)];
    expect(decodeHwsimBatch(encodeHwsimBatch(batch))).toEqual(batch);
    expect(decodeHwsimBatch(encodeHwsimBatch([]))).toEqual([]);
  });

  it('are refused with the offset when any byte count is wrong', () => {
    const good = encodeHwsimBatch([tagged(60, 1), tagged(60, 2)]);
    for (let cut = 0; cut < good.length; cut++)
      expect(() => decodeHwsimBatch(good.subarray(0, cut))).toThrow(/offset/);
    const extra = new Uint8Array(good.length + 1);
    extra.set(good);
    expect(() => decodeHwsimBatch(extra)).toThrow('there are bytes after the last message');
    const wrong = (at: number, value: number) => {
      const bytes = good.slice();
      new DataView(bytes.buffer).setUint32(at, value, true);
      return () => decodeHwsimBatch(bytes);
    };
    expect(wrong(0, 0x00023356)).toThrow('no hwsim batch header (offset 0)');
    expect(wrong(4, 0xffffffff)).toThrow("4294967295 messages can't fit (offset 4)");
    expect(wrong(28, 0xffffffff)).toThrow('a message of 4294967295 bytes is too long (offset 28)');
    const large = encodeHwsimBatch([tagged(MAX_HWSIM_BYTES + 1, 1)]);
    expect(() => decodeHwsimBatch(large)).toThrow('a message of 4097 bytes is too long (offset 28)');
  });

  it('of any bytes are read or refused with a reason, and what is read is written the same', () => {
    // xorshift32: the same bytes in each run.
    let state = 0x9e3779b9;
    const random = (below: number) => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % below;
    };
    let read = 0;
    for (let round = 0; round < 2_000; round++) {
      const bytes = encodeHwsimBatch(
        Array.from({ length: random(4) }, () => tagged(random(40), random(256), random(9))),
      );
      for (let change = random(4); change > 0; change--) bytes[random(bytes.length)] = random(256);
      const cut = bytes.subarray(0, random(8) === 0 ? random(bytes.length) : bytes.length);
      try {
        expect(encodeHwsimBatch(decodeHwsimBatch(cut))).toEqual(cut.slice());
        read++;
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(V3Error);
        expect((thrown as V3Error).code).toBe('INVALID_REQUEST');
      }
    }
    expect(read).toBeGreaterThan(400);
    expect(read).toBeLessThan(1_950);
  });

  it('are one message for each subject and tick, and split where one would get large, all in order', async () => {
    const sent: [subject: string, fills: (number | undefined)[]][] = [];
    const sender = new HwsimSender({
      publishRaw: (subject, bytes) => {
        expect(bytes.length).toBeLessThan(25_000);
        sent.push([subject, decodeHwsimBatch(bytes).map(entry => entry.message[0])]);
      },
    });
    for (let i = 0; i < 5; i++) sender.send(i % 2 ? 'odd' : 'even', tagged(64, i));
    expect(sent).toEqual([]);
    await new Promise(resolve => setImmediate(resolve));
    expect(sent.splice(0)).toEqual([
      ['even', [0, 2, 4]],
      ['odd', [1, 3]],
    ]);
    for (let i = 0; i < 100; i++) sender.send('x', tagged(1600, i));
    sender.flush();
    expect(sent.flatMap(([, fills]) => fills)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(sent.length).toBeLessThan(10);
  });
});
