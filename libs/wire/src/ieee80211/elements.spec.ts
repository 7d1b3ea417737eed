import { generator } from '../testing/random';
import { WireError } from '../wire-error';
import {
  elementIds,
  Elements,
  encodeChannelSwitch,
  encodeElements,
  iterateElements,
  readChannelSwitch,
} from './elements';
import { encodeRates, readRates } from './rates';
import { akmSuites, cipherSuites, encodeRsn, readRsn } from './rsn';
import { encodeTim, readTim } from './tim';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('elements', () => {
  it('are read as they were written, and the first of an id counts', () => {
    const list = [
      { id: elementIds.SSID, value: hex('686f6d65') },
      { id: elementIds.SUPPORTED_RATES, value: hex('82848b960c121824') },
      { id: elementIds.DS_PARAMETER, value: hex('06') },
      { id: elementIds.TIM, value: hex('00020100') },
      { id: elementIds.CHANNEL_SWITCH, value: hex('010b03') },
      { id: elementIds.EXTENDED_RATES, value: hex('3048606c') },
      { id: elementIds.SSID, value: hex('00') },
      { id: elementIds.VENDOR, value: new Uint8Array(255) },
    ];
    const bytes = encodeElements(list);
    expect([...iterateElements(bytes)]).toEqual(list);
    const elements = new Elements(Uint8Array.from([9, 9, ...bytes]), 2);
    expect(Buffer.from(elements.ssid!).toString()).toBe('home');
    expect(elements.channel).toBe(6);
    expect(elements.tim).toEqual({ dtimCount: 0, dtimPeriod: 2, group: true, aids: [] });
    expect(elements.channelSwitch).toEqual({ silent: true, channel: 11, count: 3 });
    expect(elements.rates.map(({ rate }) => rate)).toEqual([
      10, 20, 55, 110, 60, 90, 120, 180, 240, 360, 480, 540,
    ]);
    expect(elements.rates.filter(({ basic }) => basic).length).toBe(4);
    expect(elements.rsn).toBeUndefined();
  });

  it.each([
    ['an element that is cut', () => new Elements(hex('0004686f6d')), 'element 0 is cut (offset 0)'],
    ['an element without length', () => new Elements(hex('030106 00')), 'element 0 is cut (offset 3)'],
    [
      'an SSID of 33 bytes',
      () => new Elements(Uint8Array.of(0, 33, ...Array(33).fill(65))).ssid,
      'at most 32',
    ],
    ['two channels', () => new Elements(hex('03020106')).channel, 'a DS parameter set of 2 bytes'],
    ['a switch that is cut', () => readChannelSwitch(hex('0106')), 'of 2 bytes, not 3'],
    ['256 bytes', () => encodeElements([{ id: 1, value: new Uint8Array(256) }]), 'at most 255'],
  ])('are refused: %s', (_, read, words) => {
    expect(read).toThrow(WireError);
    expect(read).toThrow(words);
  });

  it('of a channel switch are read as written', () => {
    const announced = { silent: false, channel: 36, count: 5 };
    expect(readChannelSwitch(encodeChannelSwitch(announced))).toEqual(announced);
  });
});

describe('rates', () => {
  it('are read as written; selectors are none', () => {
    const rates = [
      { rate: 10, basic: true },
      { rate: 55, basic: true },
      { rate: 540, basic: false },
    ];
    expect(readRates(encodeRates(rates))).toEqual(rates);
    expect(readRates(hex('ff fb 00 80 82'))).toEqual([{ rate: 10, basic: true }]);
  });

  it.each([0, 7, 640])('of %d have no octet', rate => {
    expect(() => encodeRates([{ rate, basic: false }])).toThrow(WireError);
  });
});

describe('the TIM', () => {
  it('has the part of the bitmap that is not empty, from an even octet', () => {
    const tim = { dtimCount: 1, dtimPeriod: 3, group: false };
    expect(encodeTim({ ...tim, aids: [] })).toEqual(hex('01030000'));
    expect(encodeTim({ ...tim, aids: [1] })).toEqual(hex('01030002'));
    expect(encodeTim({ ...tim, group: true, aids: [7, 8] })).toEqual(hex('0103018001'));
    // AID 25 is in octet 3; the bitmap begins at 2.
    expect(encodeTim({ ...tim, aids: [25] })).toEqual(hex('0103020002'));
    expect(encodeTim({ ...tim, aids: [2007] })).toEqual(hex('0103fa80'));
  });

  it('of any stations is read as written', () => {
    const random = generator(1);
    for (let round = 0; round < 300; round++) {
      const aids = new Set(Array.from({ length: random(30) }, () => 1 + random(2007)));
      const tim = {
        dtimCount: random(3),
        dtimPeriod: 3,
        group: random(2) === 1,
        aids: [...aids].sort((a, b) => a - b),
      };
      expect(readTim(encodeTim(tim))).toEqual(tim);
    }
  });

  it.each([
    ['cut', hex('000200'), 'at least 4 bytes'],
    ['with a count beyond its period', hex('02020000'), 'DTIM count 2 of period 2'],
    ['without period', hex('00000000'), 'DTIM count 0 of period 0'],
    ['beyond the last AID', hex('0002fa0000'), 'beyond AID 2007'],
  ])('is refused: %s', (_, value, words) => {
    expect(() => readTim(value)).toThrow(words);
  });

  it.each([0, 2008, 1.5])('has no AID %d', aid => {
    expect(() => encodeTim({ dtimCount: 0, dtimPeriod: 1, group: false, aids: [aid] })).toThrow(WireError);
  });
});

describe('the RSN element', () => {
  const psk = {
    version: 1,
    group: cipherSuites.CCMP,
    pairwise: [cipherSuites.CCMP],
    akm: [akmSuites.PSK],
    capabilities: 0,
  };

  it('of WPA2-PSK is what Linux sends', () => {
    expect(encodeRsn(psk)).toEqual(hex('0100 000fac04 0100 000fac04 0100 000fac02 0000'));
    expect(readRsn(encodeRsn(psk))).toEqual(psk);
  });

  it('of several suites is read as written', () => {
    const rsn = {
      ...psk,
      pairwise: [cipherSuites.CCMP, cipherSuites.TKIP],
      akm: [akmSuites.SAE, akmSuites.PSK],
    };
    expect(readRsn(encodeRsn(rsn))).toEqual(rsn);
  });

  it('has defaults for what is left out at its end, and may go on behind the capabilities', () => {
    expect(readRsn(hex('0100'))).toEqual({ ...psk, akm: [akmSuites.IEEE_802_1X] });
    expect(readRsn(hex('0100 000fac02')).group).toBe(cipherSuites.TKIP);
    expect(readRsn(hex('0100 000fac04 0100 000fac02')).pairwise).toEqual([cipherSuites.TKIP]);
    const whole = '0100 000fac04 0100 000fac04 0100 000fac02';
    expect(readRsn(hex(whole)).capabilities).toBe(0);
    expect(readRsn(hex(`${whole} 8000 0100 ${'11'.repeat(16)} 000fac06`)).capabilities).toBe(0x80);
  });

  it.each([
    '01',
    '0100 00',
    '0100 000fac04 01',
    '0100 000fac04 0000',
    '0100 000fac04 ffff 000fac04',
    '0100 000fac04 0200 000fac04',
    '0100 000fac04 0100 000fac04 0100 000fac02 00',
  ])('is refused where it is cut: %s', text => expect(() => readRsn(hex(text))).toThrow(WireError));
});
