import { dataSubtypes, frameControl, frameTypes, Ieee80211Frame, ieee80211Frame } from '@v3vee/wire';
import { ccmpHeader, ccmpOpen, ccmpSeal } from './ccmp';
import { PairwiseSession } from './pairwise-session';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const key = hex('c97c1f67ce371185514a8a19f2bdd52f');
const mac = hex('020000000001');
const qos = (tid: number, flags = 0, subtype: number = dataSubtypes.QOS_DATA) =>
  ieee80211Frame(
    {
      type: frameTypes.DATA,
      subtype,
      flags: frameControl.TO_DS | flags,
      addr1: mac,
      addr2: mac,
      addr3: mac,
      tid,
    },
    hex('aaaa030000000800 01'),
  );
const view = (bytes: Uint8Array) => Ieee80211Frame.read(bytes);

describe('CCMP', () => {
  // IEEE 802.11-2020 §J.6.4. The header's protected bit is set before; the sequence number is not protected.
  const header = '0848c32c0fd2e128a57c5030f1844408abaea5b8fcba8033';
  const plain = 'f8ba1a55d02f85ae967bb62fb6cda8eb7e78a050';
  const sealed = `${header} 0ce70020769703b5 f3d0a2fe9a3dbf2342a643e43246e80c3c04d019 7845ce0b16f97623`;

  it("makes the standard's test vector, and opens it", () => {
    expect(text(ccmpSeal(key, 0, 0xb503_9776_e70c, hex(header + plain)))).toBe(text(hex(sealed)));
    const frame = view(hex(sealed));
    expect(ccmpHeader(frame)).toEqual({ packetNumber: 0xb503_9776_e70c, keyIndex: 0 });
    expect(text(ccmpOpen(key, 0xb503_9776_e70c, frame)!)).toBe(plain);
  });

  it('protects all but what a retransmission changes', () => {
    const frame = hex(sealed);
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const changed = Uint8Array.from(frame);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      // Version and type make it another kind of frame.
      if (bit < 4 || bit === 7) continue;
      const free = [
        [4, 6], // of the subtype, what no frame with data has set
        [8 + 3, 8 + 5], // retry, power management, more data
        [8 + 6, 8 + 6], // protected
        [16, 31], // duration
        [22 * 8 + 4, 23 * 8 + 7], // sequence number
        [26 * 8, 27 * 8 + 7], // reserved, and key index, of the CCMP header
      ];
      const isFree = free.some(([first, last]) => bit >= first! && bit <= last!);
      const isNumber = bit >= 24 * 8 && bit < 32 * 8;
      const { packetNumber } =
        isNumber && !isFree
          ? (ccmpHeader(view(changed)) ?? { packetNumber: 0 })
          : { packetNumber: 0xb503_9776_e70c };
      expect([bit, ccmpOpen(key, packetNumber, view(changed)) !== undefined]).toEqual([bit, isFree]);
    }
  });

  it('takes the TID into it', () => {
    const frame = ccmpSeal(key, 0, 1, qos(5));
    expect(ccmpOpen(key, 1, view(frame))).toBeDefined();
    frame[24] = 6;
    expect(ccmpOpen(key, 1, view(frame))).toBeUndefined();
  });

  it('is no header without the extended IV, or with nothing behind it', () => {
    const frame = hex(sealed);
    expect(ccmpHeader(view(frame.subarray(0, 24 + 15)))).toBeUndefined();
    frame[27] = 0;
    expect(ccmpHeader(view(frame))).toBeUndefined();
  });
});

describe('a session', () => {
  it('never sends a packet number twice, and takes each once, per TID', () => {
    const [ours, theirs] = [new PairwiseSession(key), new PairwiseSession(key)];
    const numbers = Array.from({ length: 50 }, () => ccmpHeader(view(ours.seal(qos(0))))?.packetNumber);
    expect(numbers).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    const [first, second, other] = [ours.seal(qos(0)), ours.seal(qos(0)), ours.seal(qos(7))];
    expect(theirs.open(view(second))).toMatchObject({ packetNumber: 52 });
    expect(theirs.open(view(second))).toBe('replay');
    expect(theirs.open(view(first))).toBe('replay');
    expect(theirs.open(view(other))).toMatchObject({ packetNumber: 53 });
  });

  it('is not moved by frames whose MIC is wrong', () => {
    const [ours, theirs] = [new PairwiseSession(key), new PairwiseSession(key)];
    const good = ours.seal(qos(0));
    const forged = ccmpSeal(Buffer.alloc(16), 0, 0xffff_ffff_ffff, qos(0));
    expect(theirs.open(view(forged))).toBe('mic');
    expect(theirs.open(view(good))).toMatchObject({ packetNumber: 1 });
  });

  it('takes no group key index, no packet number 0, nothing plain', () => {
    const session = new PairwiseSession(key);
    expect(session.open(view(ccmpSeal(key, 1, 1, qos(0))))).toBe('noCcmp');
    expect(session.open(view(ccmpSeal(key, 0, 0, qos(0))))).toBe('replay');
    expect(session.open(view(qos(0)))).toBe('noCcmp');
  });
});
