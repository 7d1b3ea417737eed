import { V3Error } from '@v3vee/contracts';

/**
 * Keys of a US keyboard as the PS/2 controller gives them to a PC (scan code set 1): a code when a key goes down, the same
 * with bit 7 when it goes up; some behind 0xE0.
 */

const RELEASED = 0x80;
const EXTENDED = 0xe0;
const LEFT_SHIFT = 0x2a;

/** Rows of the keyboard: what each key gives, plain and with shift, from a code on. */
const rows: [from: number, plain: string, shifted: string][] = [
  [0x02, '1234567890-=', '!@#$%^&*()_+'],
  [0x10, 'qwertyuiop[]', 'QWERTYUIOP{}'],
  [0x1e, "asdfghjkl;'`", 'ASDFGHJKL:"~'],
  [0x2b, '\\zxcvbnm,./', '|ZXCVBNM<>?'],
];

const named: Record<string, number> = {
  ...{ esc: 0x01, backspace: 0x0e, tab: 0x0f, enter: 0x1c, ret: 0x1c, spc: 0x39, space: 0x39 },
  ...{ ctrl: 0x1d, shift: LEFT_SHIFT, shift_r: 0x36, alt: 0x38, capslock: 0x3a },
  ...Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`f${i + 1}`, 0x3b + i])),
  ...{ f11: 0x57, f12: 0x58, numlock: 0x45, scrolllock: 0x46 },
};
const extended: Record<string, number> = {
  ...{ ctrl_r: 0x1d, alt_r: 0x38, home: 0x47, up: 0x48, pgup: 0x49, left: 0x4b, right: 0x4d, end: 0x4f },
  ...{ down: 0x50, pgdn: 0x51, insert: 0x52, del: 0x53, delete: 0x53, meta: 0x5b, menu: 0x5d },
};

interface Key {
  codes: number[];
  shift: boolean;
}

const keys = new Map<string, Key>();
for (const [name, code] of Object.entries(named)) keys.set(name, { codes: [code], shift: false });
for (const [name, code] of Object.entries(extended))
  keys.set(name, { codes: [EXTENDED, code], shift: false });
for (const [from, plain, shifted] of rows) {
  [...plain].forEach((character, i) => keys.set(character, { codes: [from + i], shift: false }));
  [...shifted].forEach((character, i) => keys.set(character, { codes: [from + i], shift: true }));
}

/**
 * What a combination such as `ctrl-alt-del`, `f1` or `a` gives: all keys go down in order, and up again.
 * @throws V3Error INVALID_REQUEST
 */
export function combination(text: string): number[] {
  // A hyphen stands between keys, or is one.
  const names = text === '-' ? ['-'] : text.split(/-(?!$)/);
  const pressed = names.map(name => {
    const key = keys.get(name.length === 1 ? name : name.toLowerCase());
    if (key) return key;
    const some = 'letters, digits, ctrl, alt, shift, del, enter, esc, tab, f1 to f12, up, down, left, right';
    throw new V3Error('INVALID_REQUEST', `"${name}" of "${text}" is not a key; keys are for example ${some}`);
  });
  const shift = pressed.some(key => key.shift) ? [LEFT_SHIFT] : [];
  return [
    ...shift,
    ...pressed.flatMap(({ codes }) => codes),
    ...pressed.toReversed().flatMap(({ codes }) => released(codes)),
    ...released(shift),
  ];
}

/** What is typed for a text. @throws V3Error INVALID_REQUEST for a character that a US keyboard does not have */
export function typing(text: string): number[] {
  return [...text].flatMap(character => {
    if (character === '\n' || character === '\r') return combination('enter');
    if (character === '\t') return combination('tab');
    if (character === ' ') return combination('space');
    if (keys.has(character)) return combination(character);
    throw new V3Error(
      'INVALID_REQUEST',
      `${JSON.stringify(character)} can't be typed: a US keyboard has no such key`,
    );
  });
}

/** The last code of a key says which it is. */
const released = (codes: number[]): number[] =>
  codes.map((code, i) => (i === codes.length - 1 ? code | RELEASED : code));
