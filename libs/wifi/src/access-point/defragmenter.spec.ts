import { dataSubtypes, frameControl, frameTypes, Ieee80211Frame, ieee80211Frame } from '@v3vee/wire';
import { Defragmenter } from './defragmenter';

const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
const part = (sequence: number, fragment: number, isLast = false) =>
  Ieee80211Frame.read(
    ieee80211Frame(
      {
        type: frameTypes.DATA,
        subtype: dataSubtypes.DATA,
        flags: isLast ? 0 : frameControl.MORE_FRAGMENTS,
        addr1: mac,
        addr2: mac,
        addr3: mac,
        sequence,
        fragment,
      },
      Uint8Array.of(fragment),
    ),
  );
const session = {};
/** Adds fragments under packet numbers; the last result. */
const add = (...parts: [frame: Ieee80211Frame, packetNumber?: number, session?: object][]) => {
  const defragmenter = new Defragmenter();
  const results = parts.map(([frame, packetNumber, key = session]) =>
    defragmenter.add(
      frame,
      frame.body,
      packetNumber === undefined ? undefined : { session: key, packetNumber },
    ),
  );
  return results.at(-1);
};
const bytes = (result: ReturnType<typeof add>) => (result instanceof Uint8Array ? [...result] : result);

describe('fragments', () => {
  it('in order, under one key and with packet numbers in a row, are one frame', () => {
    expect(bytes(add([part(1, 0), 5], [part(1, 1), 6], [part(1, 2, true), 7]))).toEqual([0, 1, 2]);
    expect(bytes(add([part(1, 0)], [part(1, 1, true)]))).toEqual([0, 1]);
    expect(bytes(add([part(9, 0, true), 4]))).toEqual([0]);
    expect(add([part(1, 0), 5], [part(1, 1), 6])).toBeUndefined();
  });

  it('of a frame that begins in the middle of another are those of the new one', () => {
    expect(bytes(add([part(1, 0), 5], [part(2, 0), 6], [part(2, 1, true), 7]))).toEqual([0, 1]);
  });

  it.each<[string, Parameters<typeof add>]>([
    [
      'one is missing',
      [
        [part(1, 0), 5],
        [part(1, 2, true), 6],
      ],
    ],
    ['the first is missing', [[part(1, 1, true), 5]]],
    [
      'they are of two frames',
      [
        [part(1, 0), 5],
        [part(2, 1, true), 6],
      ],
    ],
    [
      'packet numbers are not in a row',
      [
        [part(1, 0), 5],
        [part(1, 1, true), 7],
      ],
    ],
    [
      'keys differ',
      [
        [part(1, 0), 5],
        [part(1, 1, true), 6, {}],
      ],
    ],
    ['one of them is plain', [[part(1, 0), 5], [part(1, 1, true)]]],
    ['the first is plain', [[part(1, 0)], [part(1, 1, true), 6]]],
  ])('are broken when %s', (_, parts) => expect(add(...parts)).toBe('broken'));

  it('are broken when they are more than a frame carries, and begin anew', () => {
    const defragmenter = new Defragmenter();
    const large = new Uint8Array(2000);
    expect(defragmenter.add(part(1, 0), large)).toBeUndefined();
    expect(defragmenter.add(part(1, 1, true), large)).toBe('broken');
    expect(defragmenter.add(part(1, 1, true), large)).toBe('broken');
    expect(defragmenter.add(part(2, 0, true), large)).toBe(large);
  });
});
