import { V3Error } from '@v3vee/contracts';

export interface Token {
  readonly text: string;
  /** Of its first character, from 1. */
  readonly column: number;
}

/** Words, parentheses and operators; `&&`, `||` and `!` become the words that they mean. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  // A backslash in front of a word says that it is a name, not a keyword; here the place says so.
  const pattern = /\s+|\(|\)|!(?!=)|&&|\|\||\\?[^\s()!&|[\]<>=+*^]+|./gy;
  for (const match of text.matchAll(pattern)) {
    const [word] = match;
    const column = match.index + 1;
    if (word.trim() === '') continue;
    if (/^[[\]<>=&|+*^]$/.test(word)) {
      const detail = `"${word}": comparisons of single bytes, as in tcp[13] & 2 != 0, are not supported`;
      throw filterError(detail, column);
    }
    tokens.push({ text: synonyms.get(word) ?? word.replace(/^\\/, '').toLowerCase(), column });
  }
  return tokens;
}

const synonyms = new Map([
  ['&&', 'and'],
  ['||', 'or'],
  ['!', 'not'],
]);

/** @param column from 1, of the character at which the filter stops making sense */
export function filterError(detail: string, column: number): V3Error {
  return new V3Error('CAPTURE_FILTER_INVALID', `column ${column}: ${detail}`, {
    fields: [{ path: 'filter', message: detail, line: 1, column }],
  });
}

/** Decimal or hexadecimal; NaN for anything else. */
export function toNumber(text: string): number {
  return /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : NaN;
}
