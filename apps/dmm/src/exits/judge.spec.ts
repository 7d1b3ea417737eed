import type { CardModel, IoAccess } from '@v3vee/contracts';
import { modelOf } from '@v3vee/device-models';
import { hooksOf, type CardUse } from '../cards/hooks';
import { checked, describeDenied, judge, news } from './judge';

const MEMORY = 64 << 20;
/** Offsets of the RTL8139 (datasheet, section 5). */
const [TSAD0, CR] = [0x20, 0x37];
const TRANSMITTER_ON = 0x04;

const use = (name: CardModel, access: CardUse['access'] = 'vpio'): CardUse => ({
  ...{ access, model: modelOf(name), state: modelOf(name).initialState(), memorySize: MEMORY },
});
const write = (offset: number, size: IoAccess['size'], value: number): IoAccess => ({
  ...{ direction: 'write', offset, size, value, page: 0 },
});

describe('an access that is an exit', () => {
  it('goes on where the card reaches nothing but the guest’s memory, and opens it', () => {
    const addressed = judge(use('rtl8139'), write(TSAD0, 4, 0x10_0000));
    const started = judge(addressed.use, write(CR, 1, TRANSMITTER_ON));
    expect([addressed.denied, started.denied]).toEqual([undefined, undefined]);
    expect(news(started.use).windows).toContainEqual(
      expect.objectContaining({ register: 'TSAD0', direction: 'read', address: 0x10_0000 }),
    );
  });

  it('is denied where it would lead beyond, and leaves what is known as it was', () => {
    let { use: guest } = judge(use('rtl8139'), write(CR, 1, TRANSMITTER_ON));
    ({ use: guest } = judge(guest, write(TSAD0, 4, MEMORY - 100)));
    const send = judge(guest, write(0x10, 4, 1_000));
    const denied = { register: 'TSAD0', direction: 'read', address: MEMORY - 100 };
    expect(send.denied).toMatchObject(denied);
    expect(send.use).toEqual(guest);
  });

  it.each([
    ['rtl8139', write(0xfe, 4, 0), 'a rtl8139 has 256 bytes of registers: 4 at 254 are not within'],
    ['ne2000', write(0x20, 1, 0), 'a ne2000 has 32 bytes of registers: 1 at 32 are not within'],
    ['ne2000', write(0x00, 1, 0x100), '256 has more than 1 bytes'],
    ['ne2000', write(0x10, 2, 0xffffffff), '4294967295 has more than 2 bytes'],
  ] as const)('that a %s cannot have is refused', (name, access, message) => {
    expect(() => judge(use(name), access)).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST', message, fields: [{ path: 'access', message }] }),
    );
  });

  it('of an emulated card is one again afterwards, whatever the model says', () => {
    const { use: after } = judge(use('ne2000', 'emulated'), write(0x01, 1, 0x4c));
    expect(news(after)).toMatchObject({ state: { pstart: 0x4c }, hooks: hooksOf(use('ne2000', 'emulated')) });
  });
});

describe('a state that comes from outside', () => {
  it.each([[{}], [{ cr: 'x' }], [{ slots: [] }], [{ __proto__: null }], [{ slots: { length: 4 } }]])(
    'that is none is refused: %j',
    state => {
      expect(() => checked({ ...use('rtl8139'), state })).toThrow(
        expect.objectContaining({
          code: 'INVALID_REQUEST',
          message: expect.stringContaining('this is not a state of a rtl8139: '),
          fields: [expect.objectContaining({ path: 'state' })],
        }),
      );
    },
  );

  it('is copied', () => {
    const given = use('ne2000');
    const found = checked({ ...given, state: { ...Object(given.state), more: 1 } });
    expect(found).toEqual(given);
  });
});

it('a violation says who, where, and which memory', () => {
  const denied = { register: 'RBSTART', direction: 'write', address: 0x4000_0000, length: 8208 } as const;
  expect(describeDenied('a1', 'alpha/eth0', denied)).toBe(
    'a1 had alpha/eth0 write to 8208 bytes of memory at 0x40000000 (register RBSTART), which are not its own',
  );
  expect(describeDenied('a1', 'alpha/eth0', { ...denied, direction: 'read' })).toContain(
    'eth0 read 8208 bytes',
  );
});
