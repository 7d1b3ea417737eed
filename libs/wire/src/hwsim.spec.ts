import { decodeHwsim, encodeReceived, encodeTxStatus, hwsimFlags, hwsimRateFlags } from './hwsim';
import { decodeToGuest, encodeMacUse, encodeTransmitted } from './hwsim-guest';
import { formatMac, parseMac } from './mac-address';
import { generator } from './testing/random';
import { WireError } from './wire-error';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const radio = parseMac('42:00:00:00:00:00');
const address = parseMac('02:56:4d:00:00:01');
const addMac = hex(`
  2c000000 1000 0000 00000000 00000000  07 01 0000
  0a00 0200 420000000000 0000
  0a00 0100 02564d000001 0000`);
/** A frame of 3 bytes, at 2412 MHz, with two rates. */
const transmitted = hex(`
  60000000 1d00 0000 00000000 00000000  02 01 0000
  0a00 0200 420000000000 0000
  0700 0300 d000aa 00
  0800 0400 01000000
  0800 1300 6c090000
  0c00 0700 0302 0001 ff00 ff00
  1000 1500 03 8800 00 0100 ff 0000 ff 0000
  0c00 0800 0200000001000000`);

describe('what a guest sends', () => {
  it('is the use of an address', () => {
    const message = decodeHwsim(addMac);
    if (message.kind !== 'addMac') throw new Error(message.kind);
    expect([formatMac(message.radio), formatMac(message.address)]).toEqual([
      '42:00:00:00:00:00',
      '02:56:4d:00:00:01',
    ]);
    expect(encodeMacUse(message)).toEqual(addMac);
    const gone = encodeMacUse({ kind: 'delMac', radio, address });
    expect([gone[16], decodeHwsim(gone).kind]).toEqual([8, 'delMac']);
  });

  it('is a frame with its rates, not copied', () => {
    const message = decodeHwsim(transmitted);
    expect(message).toEqual({
      kind: 'frame',
      radio,
      frame: hex('d000aa'),
      flags: hwsimFlags.REQ_STATUS,
      cookie: 0x1_0000_0002n,
      freq: 2412,
      rates: [
        { index: 3, count: 2, flags: hwsimRateFlags.MCS | hwsimRateFlags.SHORT_GI },
        { index: 0, count: 1, flags: hwsimRateFlags.USE_RTS_CTS },
      ],
    });
    if (message.kind !== 'frame') throw new Error(message.kind);
    expect(message.frame.buffer).toBe(transmitted.buffer);
    const again = encodeTransmitted(message);
    again[4] = 0x1d; // the family is not looked at
    expect(again).toEqual(transmitted);
  });

  it('may have attributes that are not known, marked ones and bytes after its end', () => {
    const odd = hex(`
      34000000 1000 0000 00000000 00000000  08 01 0000
      0500 6300 77 000000
      0a00 0280 420000000000 0000
      0a00 0100 02564d000001 ffff
      dead`);
    expect(decodeHwsim(odd)).toEqual({ kind: 'delMac', radio, address });
  });

  it.each([
    ['nothing', '', 'has 20 to 65535 bytes, there are 0'],
    ['less than a header', '10000000 1000 0000 00000000 00000000', 'there are 16'],
    ['a length beyond its end', '18000000 1000 0000 00000000 00000000 07010000', '24 bytes where 20 are'],
    ['a length of nothing', '00000000 1000 0000 00000000 00000000 07010000', '0 bytes where 20 are'],
    ['a cut header', '16000000 1000 0000 00000000 00000000 07010000 0a00', 'an attribute is cut (offset 20)'],
    ['a short attribute', '18000000 1000 0000 00000000 00000000 07010000 0300 0200', 'is cut (offset 20)'],
    ['a cut attribute', '18000000 1000 0000 00000000 00000000 07010000 0a00 0200', 'is cut (offset 20)'],
    ['no attributes', '14000000 1000 0000 00000000 00000000 07010000', 'command 7 without ADDR_TRANSMITTER'],
    [
      'a short address',
      '1c000000 1000 0000 00000000 00000000 07010000 0700 0200 42000000',
      'ADDR_TRANSMITTER has 3 bytes instead of 6',
    ],
    [
      'another command',
      '14000000 1000 0000 00000000 00000000 04010000',
      'command 4 is none that a guest sends',
    ],
  ])('is refused with %s', (_, bytes, problem) => {
    expect(() => decodeHwsim(hex(bytes))).toThrow(WireError);
    expect(() => decodeHwsim(hex(bytes))).toThrow(problem);
  });
});

describe('what a guest gets', () => {
  it('is a frame that arrived', () => {
    const bytes = encodeReceived({ radio, frame: hex('80000000ff'), rate: 4, signal: -61, freq: 5180 });
    expect(bytes).toEqual(
      hex(`
      44000000 1000 0000 00000000 00000000  02 01 0000
      0a00 0100 420000000000 0000
      0900 0300 80000000ff 000000
      0800 0500 04000000
      0800 0600 c3ffffff
      0800 1300 3c140000`),
    );
    expect(decodeToGuest(bytes)).toMatchObject({ kind: 'received', rate: 4, signal: -61, freq: 5180 });
  });

  it.each([
    [true, 5],
    [false, 1],
  ])('is what became of its frame: acknowledged %s', (acked, flags) => {
    // an acknowledgement that a guest asserts is not one
    const sent = {
      radio,
      flags: hwsimFlags.REQ_STATUS | hwsimFlags.STAT_ACK,
      cookie: 0xffff_ffff_ffff_ffffn,
    };
    const rates = [{ index: 7, count: 3 }];
    const bytes = encodeTxStatus({ ...sent, signal: -50, rates, acked });
    expect(bytes).toEqual(
      hex(`
      48000000 1000 0000 00000000 00000000  03 01 0000
      0a00 0200 420000000000 0000
      0800 0400 0${flags}000000
      0c00 0800 ffffffffffffffff
      0800 0600 ceffffff
      0c00 0700 0703 ff00 ff00 ff00`),
    );
    expect(decodeToGuest(bytes)).toMatchObject({ kind: 'txStatus', acked, cookie: sent.cookie });
  });

  it('has four rates at most, and addresses of six bytes', () => {
    const rates = Array.from({ length: 5 }, () => ({ index: 0, count: 1 }));
    const status = { radio, flags: 0, cookie: 1n, signal: 0, acked: false };
    expect(() => encodeTxStatus({ ...status, rates })).toThrow('5 rates; a frame has at most 4');
    expect(() => encodeMacUse({ kind: 'addMac', radio, address: hex('02') })).toThrow('instead of 6');
  });
});

it.each([1, 2, 3, 4])('carries any frame through and back (seed %i)', seed => {
  const random = generator(seed);
  for (let i = 0; i < 50; i++) {
    const frame = {
      kind: 'frame' as const,
      radio: bytes(6),
      frame: bytes(random(300)),
      flags: random(8),
      cookie: (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32)),
      freq: random(2 ** 32),
      rates: Array.from({ length: random(5) }, () => ({
        index: random(128),
        count: random(256),
        flags: random(0x10000),
      })),
    };
    expect(decodeHwsim(encodeTransmitted(frame))).toEqual(frame);
  }
  function bytes(length: number) {
    return Uint8Array.from({ length }, () => random(256));
  }
});

it.each([1, 2, 3, 4])('refuses what is malformed and nothing else happens (seed %i)', seed => {
  const random = generator(seed);
  let [taken, refused] = [0, 0];
  for (let i = 0; i < 1000; i++) {
    let bytes = (random(2) ? transmitted : addMac).slice();
    for (let changes = random(4); changes > 0; changes--) bytes[random(bytes.length)] = random(256);
    if (random(3) === 0) bytes = bytes.subarray(0, random(bytes.length + 1));
    for (const decode of [decodeHwsim, decodeToGuest]) {
      try {
        const message = decode(bytes);
        if ('frame' in message && message.frame.length > bytes.length)
          throw new Error('a frame beyond the end');
        taken++;
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        refused++;
      }
    }
  }
  expect(Math.min(taken, refused)).toBeGreaterThan(100);
});
