import { filterError, type Token } from './tokens';

/** Whether a packet of this kind is to be captured. */
export type TestOf<P> = (packet: P) => boolean;

export const and =
  <P>(a: TestOf<P>, b: TestOf<P>): TestOf<P> =>
  packet =>
    a(packet) && b(packet);
export const or =
  <P>(a: TestOf<P>, b: TestOf<P>): TestOf<P> =>
  packet =>
    a(packet) || b(packet);
export const not =
  <P>(a: TestOf<P>): TestOf<P> =>
  packet =>
    !a(packet);

/**
 * What the languages of all media share: primitives, joined by `and` and `or`, which bind equally and to the left,
 * `not`, which binds more, and parentheses.
 */
export abstract class ExpressionParser<P> {
  protected at = 0;

  /** @param end column of the text's end */
  constructor(
    protected readonly tokens: readonly Token[],
    private readonly end: number,
  ) {}

  /** @throws V3Error CAPTURE_FILTER_INVALID with the column */
  parse(): TestOf<P> {
    const test = this.expression();
    const rest = this.tokens[this.at];
    if (rest) throw this.error(`"${rest.text}" does not belong here; terms are joined with "and" or "or"`);
    return test;
  }

  protected abstract primitive(): TestOf<P>;

  private expression(): TestOf<P> {
    let left = this.term();
    for (;;) {
      if (this.take('and')) left = and(left, this.term());
      else if (this.take('or')) left = or(left, this.term());
      else return left;
    }
  }

  private term(): TestOf<P> {
    if (this.take('not')) return not(this.term());
    if (this.peek() === '(') return this.parenthesised();
    return this.primitive();
  }

  protected parenthesised(): TestOf<P> {
    const opened = this.next('"("');
    const test = this.expression();
    if (!this.take(')')) throw this.error(`")" is missing for the "(" in column ${opened.column}`);
    return test;
  }

  protected peek(): string | undefined {
    return this.tokens[this.at]?.text;
  }

  protected take(word: string): boolean {
    if (this.peek() !== word) return false;
    this.at++;
    return true;
  }

  protected takeOne(words: readonly string[]): string | undefined {
    const word = this.peek();
    if (word === undefined || !words.includes(word)) return undefined;
    this.at++;
    return word;
  }

  protected next(what: string): Token {
    const token = this.tokens[this.at];
    if (!token || token.text === 'and' || token.text === 'or' || token.text === ')') {
      throw this.error(`${what} is missing before ${this.here()}`);
    }
    this.at++;
    return token;
  }

  protected here(): string {
    const word = this.peek();
    return word === undefined ? 'the end' : `"${word}"`;
  }

  protected error(detail: string, token = this.tokens[this.at]): Error {
    return filterError(detail, token?.column ?? this.end);
  }
}
