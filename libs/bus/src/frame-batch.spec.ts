import { decodeFrameBatch, encodeFrameBatch, MAX_FRAME_BYTES } from './frame-batch';
import { FrameSender } from './frame-sender';

const frame = (length: number, fill: number) => new Uint8Array(length).fill(fill);

describe('frame batches', () => {
  it('carry frames of any length and their network numbers', () => {
    const frames = [
      { vni: 1, frame: frame(60, 1) },
      { vni: 0xffffff, frame: frame(0, 0) },
      { vni: 7, frame: frame(MAX_FRAME_BYTES, 9) },
    ];
    expect(decodeFrameBatch(encodeFrameBatch(frames)).map(f => [f.vni, f.frame.length, f.frame[0]])).toEqual([
      [1, 60, 1],
      [0xffffff, 0, undefined],
      [7, MAX_FRAME_BYTES, 9],
    ]);
  });

  it('carry the place that a frame is for', () => {
    const places = [
      undefined,
      { type: 'interface' as const, mac: '02:00:00:00:00:0a' },
      { type: 'edge' as const, link: 0x7fffffff },
    ];
    const batch = encodeFrameBatch(places.map(place => ({ vni: 1, frame: frame(60, 1), place })));
    expect(decodeFrameBatch(batch).map(({ place }) => place)).toEqual(places);
  });

  it('are refused when a place is none', () => {
    const good = encodeFrameBatch([{ vni: 1, frame: frame(60, 1) }]);
    const wrong = (at: number, value: number) => {
      const bytes = good.slice();
      bytes[at] = value;
      return () => decodeFrameBatch(bytes);
    };
    expect(wrong(16, 3)).toThrow('a place is of kind 0, 1 or 2, not 3 (offset 16)');
    expect(wrong(23, 1)).toThrow('a frame without a place names one (offset 16)');
    expect(wrong(16, 2)).toThrow('there is no such link index (offset 18)');
    // The format of before.
    expect(wrong(2, 1)).toThrow('no frame batch header');
  });

  it('are refused with the offset when any byte count is wrong', () => {
    const good = encodeFrameBatch([{ vni: 1, frame: frame(60, 1) }]);
    for (let cut = 0; cut < good.length; cut++)
      expect(() => decodeFrameBatch(good.subarray(0, cut))).toThrow(/offset/);
    const extra = new Uint8Array(good.length + 1);
    extra.set(good);
    expect(() => decodeFrameBatch(extra)).toThrow('bytes after the last frame');
    const huge = good.slice();
    new DataView(huge.buffer).setUint32(4, 0xffffffff, true);
    expect(() => decodeFrameBatch(huge)).toThrow("4294967295 frames can't fit");
  });

  it('are one message for each subject and tick', async () => {
    const sent: [string, number][] = [];
    const sender = new FrameSender({
      publishRaw: (subject, bytes) => void sent.push([subject, decodeFrameBatch(bytes).length]),
    });
    for (let i = 0; i < 5; i++) sender.send(i % 2 ? 'odd' : 'even', { vni: 1, frame: frame(64, i) });
    expect(sent).toEqual([]);
    await new Promise(resolve => setImmediate(resolve));
    expect(sent).toEqual([
      ['even', 3],
      ['odd', 2],
    ]);
  });

  it('are split where one message would get large; a large frame goes alone, and all in order', () => {
    const sent: { bytes: number; ids: (number | undefined)[] }[] = [];
    const sender = new FrameSender({
      publishRaw: (_, bytes) =>
        void sent.push({ bytes: bytes.length, ids: decodeFrameBatch(bytes).map(({ frame }) => frame[0]) }),
    });
    for (let i = 0; i < 100; i++)
      sender.send('x', { vni: 1, frame: frame(i === 50 ? MAX_FRAME_BYTES : 1526, i) });
    sender.flush();
    expect(sent.flatMap(({ ids }) => ids)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(sent.length).toBeLessThan(12);
    for (const { bytes, ids } of sent) expect(bytes).toBeLessThan(ids.length === 1 ? 66_100 : 25_000);
  });
});
