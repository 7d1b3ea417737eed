/**
 * The control language of VNET/P (palacios-vnet-ctrl.c), one statement a line, in any case:
 *
 *     ADD src-MAC dst-MAC dst-TYPE dst-ID src-TYPE [src-ID]      DEL index
 *     ADD dst-ip port [udp|tcp|vxlan]                            DEL LINK index
 *
 * MAC is any, none, an address, or not- and an address; TYPE is interface (ID: a MAC) or edge (ID: an IP), for the
 * source also any. The original has a file for routes and one for links. Here both come in one text: what follows ADD
 * tells them apart, and DEL alone means a route. The words ROUTE and LINK may follow ADD and DEL; `vxlan`, IPv6,
 * comments from `#` on, and names or indices of links after `edge` are ours.
 */
import { V3Error, type FieldError } from './errors';
import { ipAddress, macAddress, resourceName } from './quantities';
import { summarise } from './validate';
import { linkType, linkTypes, macMatch, type LinkType } from './vnet';

/** An end of a route as it is written: a link by IP address, name or index. */
export type PlaceRef = { type: 'interface'; mac: string } | { type: 'edge'; link: string };

export interface RouteText {
  source: string;
  destination: string;
  to: PlaceRef;
  /** Null: any. */
  from: PlaceRef | null;
}
export interface LinkText {
  remote: string;
  remotePort: number;
  type: LinkType;
}

/** Where a statement stands; `columns` has those of its parts that something may be wrong with later. Both from 1. */
export interface Position {
  line: number;
  columns: { start: number; to?: number; from?: number };
}
export type VnetCommand =
  | { verb: 'add-route'; route: RouteText }
  | { verb: 'add-link'; link: LinkText }
  | { verb: 'delete-route' | 'delete-link'; index: number };
export type VnetStatement = VnetCommand & { at: Position };

/** More statements than this in one text are refused. */
export const MAX_STATEMENTS = 10_000;
/** No statement is longer; what is, is not looked into. Comments may be. */
const MAX_STATEMENT_LENGTH = 500;
const SHOWN_ERRORS = 20;

/**
 * @throws V3Error VNET_CONTROL_INVALID with line and column of what is wrong in each line
 */
export function parseVnetLanguage(text: string): VnetStatement[] {
  const statements: VnetStatement[] = [];
  const wrong: FieldError[] = [];
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    if (wrong.length === SHOWN_ERRORS) break;
    const line = index + 1;
    try {
      const words = new Words(content);
      if (words.empty) continue;
      if (statements.length === MAX_STATEMENTS) {
        words.refuse(`this is more than ${MAX_STATEMENTS} statements; send the rest by itself`);
      }
      statements.push(parseStatement(words, line));
    } catch (thrown) {
      if (!(thrown instanceof Mistake)) throw thrown;
      wrong.push({ path: '', message: thrown.message, line, column: thrown.column });
      if (statements.length === MAX_STATEMENTS) break;
    }
  }
  if (wrong.length > 0) throw vnetMistake(wrong);
  return statements;
}

/**
 * A route alone, as in a cluster file or on a command line: with ADD, ADD ROUTE, or neither before it.
 * @throws V3Error VNET_CONTROL_INVALID with the column of what is wrong
 */
export function parseRoute(text: string): RouteText {
  try {
    const words = new Words(text);
    words.skip('add');
    words.skip('route');
    return parseRouteWords(words, { line: 1, columns: { start: 1 } });
  } catch (thrown) {
    if (!(thrown instanceof Mistake)) throw thrown;
    throw vnetMistake([{ path: '', message: thrown.message, line: 1, column: thrown.column }]);
  }
}

export function vnetMistake(fields: FieldError[]): V3Error {
  return new V3Error('VNET_CONTROL_INVALID', summarise(fields), { fields });
}

const grammar = {
  route: 'src-MAC dst-MAC dst-TYPE dst-ID src-TYPE [src-ID]',
  link: 'dst-ip port [udp|tcp|vxlan]',
};

class Mistake extends Error {
  constructor(
    message: string,
    readonly column: number,
  ) {
    super(message);
  }
}

interface Word {
  text: string;
  column: number;
}

/** The words of one line, lower case. */
class Words {
  private readonly words: Word[];
  private next = 0;
  private readonly end: number;

  constructor(line: string) {
    const content = line.split('#', 1)[0] as string;
    if (content.length > MAX_STATEMENT_LENGTH && content.trim() !== '') {
      throw new Mistake(
        `a statement has at most ${MAX_STATEMENT_LENGTH} characters`,
        MAX_STATEMENT_LENGTH + 1,
      );
    }
    // Beyond ASCII, letters of different scripts look or fold alike; no word of the language needs them.
    const strange = /[^\t\x20-\x7e]/u.exec(content);
    if (strange) {
      const code = (strange[0].codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0');
      throw new Mistake(
        `the character U+${code} has no place here; statements are plain ASCII`,
        strange.index + 1,
      );
    }
    this.words = [...content.matchAll(/[^ \t]+/g)].map(({ 0: text, index }) => ({
      text: text.toLowerCase(),
      column: index + 1,
    }));
    this.end = content.trimEnd().length + 1;
  }

  get empty(): boolean {
    return this.words.length === 0;
  }

  peek(): string | undefined {
    return this.words[this.next]?.text;
  }

  /** Column of the word that comes next. */
  get column(): number {
    return this.words[this.next]?.column ?? this.end;
  }

  take(expected: string): string {
    const word = this.words[this.next];
    if (!word) throw new Mistake(`the line ends here, where must follow ${expected}`, this.end + 1);
    this.next++;
    return word.text;
  }

  /** Takes the next word if it is this one. */
  skip(word: string): boolean {
    if (this.peek() !== word) return false;
    this.next++;
    return true;
  }

  /** Refuses the next word. */
  refuse(message: string): never {
    throw new Mistake(message, this.column);
  }

  /** Takes a word that a check lets pass, or refuses it. */
  takeIf<T>(expected: string, check: (text: string) => T | undefined): T {
    const column = this.column;
    const text = this.take(expected);
    const value = check(text);
    if (value === undefined) throw new Mistake(`"${shorten(text)}" is not ${expected}`, column);
    return value;
  }

  finish(form: string): void {
    const more = this.peek();
    if (more !== undefined) this.refuse(`"${shorten(more)}" is too much; the statement is ${form}`);
  }
}

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

function parseStatement(words: Words, line: number): VnetStatement {
  const at: Position = { line, columns: { start: words.column } };
  const verb = words.takeIf('ADD or DEL', text => (text === 'add' || text === 'del' ? text : undefined));
  const kind = words.skip('route') ? 'route' : words.skip('link') ? 'link' : undefined;
  if (verb === 'del') {
    const index = words.takeIf('the index of an entry, as the listing shows it', toIndex);
    words.finish(kind === 'link' ? 'DEL LINK index' : 'DEL index');
    return { verb: kind === 'link' ? 'delete-link' : 'delete-route', index, at };
  }
  const first = words.peek() ?? '';
  if (kind === 'route' || (kind === undefined && toMatch(first) !== undefined)) {
    return { verb: 'add-route', route: parseRouteWords(words, at), at };
  }
  if (kind === 'link' || toIp(first) !== undefined) {
    return { verb: 'add-link', link: parseLinkWords(words), at };
  }
  if (first === '') words.take(`${grammar.route} for a route, or ${grammar.link} for a link,`);
  return words.refuse(
    `"${shorten(first)}" begins neither a route (${macForms}) nor a link (an IP address); ` +
      `write ADD ${grammar.route}, or ADD ${grammar.link}`,
  );
}

const macForms = 'any, none, an address such as 02:00:0a:0a:00:0b, or not- and an address';

function parseRouteWords(words: Words, at: Position): RouteText {
  const source = words.takeIf(`a source address: ${macForms}`, toMatch);
  const destination = words.takeIf(`a destination address: ${macForms}`, toMatch);
  at.columns.to = words.column;
  const to = parsePlaceWords(words, 'a destination type: interface or edge');
  at.columns.from = words.column;
  const from = words.skip('any') ? null : parsePlaceWords(words, 'a source type: interface, edge or any');
  words.finish(`ADD ${grammar.route}`);
  return { source, destination, to, from };
}

function parsePlaceWords(words: Words, expected: string): PlaceRef {
  const type = words.takeIf(expected, text => (text === 'interface' || text === 'edge' ? text : undefined));
  return type === 'interface'
    ? { type, mac: words.takeIf('the unicast MAC address of a NIC', toMac) }
    : { type, link: words.takeIf('the IP address, name or index of a link', toLink) };
}

function parseLinkWords(words: Words): LinkText {
  const remote = words.takeIf('the IPv4 or IPv6 address of the peer', toIp);
  const remotePort = words.takeIf('a port from 1 to 65535', text => {
    const port = toIndex(text);
    return port !== undefined && port <= 65_535 ? port : undefined;
  });
  const type =
    words.peek() === undefined
      ? 'udp'
      : words.takeIf(`a type of link: ${linkTypes.join(', ')}`, text => linkType.safeParse(text).data);
  words.finish(`ADD ${grammar.link}`);
  return { remote, remotePort, type };
}

/** `interface <MAC>` or `edge <IP, name or index>`, which the contract's schema has let pass. */
export function parsePlace(text: string): PlaceRef {
  return parsePlaceWords(new Words(text), 'interface or edge');
}

const toIndex = (text: string): number | undefined =>
  /^[1-9]\d{0,9}$/.test(text) && Number(text) <= 0x7fffffff ? Number(text) : undefined;
const toMatch = (text: string): string | undefined => macMatch.safeParse(text).data;
const toMac = (text: string): string | undefined => macAddress.safeParse(text).data;
const toIp = (text: string): string | undefined => ipAddress.safeParse(text).data;
const toLink = (text: string): string | undefined => toIp(text) ?? resourceName.safeParse(text).data;

export function formatPlace(place: PlaceRef | null): string {
  if (place === null) return 'any';
  return place.type === 'interface' ? `interface ${place.mac}` : `edge ${place.link}`;
}

/** What ADD takes. */
export const formatRoute = ({ source, destination, to, from }: RouteText): string =>
  `${source} ${destination} ${formatPlace(to)} ${formatPlace(from)}`;
/** What ADD takes. */
export const formatLink = ({ remote, remotePort, type }: LinkText): string =>
  `${remote} ${remotePort} ${type}`;

/** The statement that `parseVnetLanguage` reads as this command. */
export function formatCommand(command: VnetCommand): string {
  switch (command.verb) {
    case 'add-route':
      return `ADD ${formatRoute(command.route)}`;
    case 'add-link':
      return `ADD ${formatLink(command.link)}`;
    case 'delete-route':
      return `DEL ${command.index}`;
    case 'delete-link':
      return `DEL LINK ${command.index}`;
  }
}
