import { V3Error } from '../errors';
import { linkTypes } from '../vnet';
import { formatCommand, parseVnetLanguage, type PlaceRef, type VnetCommand } from '../vnet-language';

/** Numbers in [0, 1) that only the seed decides. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

type Random = () => number;
const below = (random: Random, limit: number): number => Math.floor(random() * limit);
const pick = <T>(random: Random, choices: readonly T[]): T => choices[below(random, choices.length)] as T;

const mac = (random: Random, first = below(random, 256)): string =>
  [first, ...Array.from({ length: 5 }, () => below(random, 256))]
    .map(byte => byte.toString(16).padStart(2, '0'))
    .join(':');
const match = (random: Random): string =>
  pick(random, [() => 'any', () => 'none', () => mac(random), () => `not-${mac(random)}`])();
const ip = (random: Random): string =>
  pick(random, [
    () => Array.from({ length: 4 }, () => below(random, 256)).join('.'),
    () => `2001:db8::${(1 + below(random, 0xffff)).toString(16)}`,
  ])();
const place = (random: Random): PlaceRef =>
  random() < 0.5
    ? { type: 'interface', mac: mac(random, 2) }
    : {
        type: 'edge',
        link: pick(random, [() => ip(random), () => 'wan', () => String(1 + below(random, 99))])(),
      };

export function arbitraryCommand(random: Random): VnetCommand {
  switch (below(random, 4)) {
    case 0: {
      const from = random() < 0.3 ? null : place(random);
      const route = { source: match(random), destination: match(random), to: place(random), from };
      return { verb: 'add-route', route };
    }
    case 1: {
      const link = {
        remote: ip(random),
        remotePort: 1 + below(random, 65_535),
        type: pick(random, linkTypes),
      };
      return { verb: 'add-link', link };
    }
    default:
      return {
        verb: random() < 0.5 ? 'delete-route' : 'delete-link',
        index: 1 + below(random, 0x7fffffff),
      };
  }
}

/** The same statement in other clothes: case, white space, a comment. */
export function restyle(statement: string, random: Random): string {
  const words = statement.split(' ').map(word => (random() < 0.5 ? word.toUpperCase() : word.toLowerCase()));
  const spaces = () => pick(random, [' ', '  ', '\t', ' \t ']);
  return `${random() < 0.5 ? spaces() : ''}${words.join(spaces())}${random() < 0.3 ? ' # ä\u0007' : ''}`;
}

const debris = [
  '\0', '\t', '\n', '\r', '#', ' ', ':', 'not-', 'NOT-not-', '-1', '0', '1e9', '\u00a0', '\u2028', '\u202e', '\u212a', '\ufeff',
  '\ud800', '\u{1f600}', '%s%n', '$(reboot)', "';DROP TABLE vnet_route;--", '::', '::ffff:1.2.3.4', '999.1.1.1', '1'.repeat(400),
  'edge', 'interface', 'link', 'route', 'ADD', 'DEL', 'any', 'none', 'udp', '__proto__', 'constructor', 'x'.repeat(2_000),
]; // prettier-ignore

/** Statements, damaged. */
export function hostileText(random: Random): string {
  let text = Array.from({ length: 1 + below(random, 4) }, () =>
    restyle(formatCommand(arbitraryCommand(random)), random),
  ).join('\n');
  for (let n = below(random, 6); n > 0; n--) {
    const at = below(random, text.length + 1);
    text = text.slice(0, at) + pick(random, debris) + text.slice(at + below(random, 4));
  }
  return text;
}

/** Accepted text means what its own formatting means; refused text is refused with a place within it. */
export function checkReadOrRefused(text: string): void {
  const commands = (lines: string) =>
    JSON.stringify(parseVnetLanguage(lines).map(({ at: _, ...command }) => command));
  let read: VnetCommand[];
  try {
    read = parseVnetLanguage(text);
  } catch (error) {
    if (!(error instanceof V3Error) || error.code !== 'VNET_CONTROL_INVALID') throw error;
    const lines = text.split(/\r?\n/);
    for (const { line = 0, column = 0 } of error.fields ?? []) {
      const length = lines[line - 1]?.length ?? -1;
      // At the end of a line, what is missing is missing after a space.
      if (column < 1 || column > length + 2)
        throw new Error(`line ${line}, column ${column} is not in the text`, { cause: error });
    }
    return;
  }
  const again = read.map(formatCommand).join('\n');
  if (commands(again) !== commands(text)) throw new Error(`it was read as something else: ${again}`);
}
