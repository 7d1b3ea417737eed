import type { VnetPlace, VnetRule } from '@v3vee/contracts';
import { parseMac } from '@v3vee/wire';
import { ANY, FlowMap, half, whole } from '../flow-map';
import { placeKey } from '../port';

export type Qualifier = 'any' | 'none' | 'not' | 'address';

/** An address with its qualifier; `any` and `none` have none. */
export interface MacMatch {
  readonly qualifier: Qualifier;
  readonly high: number;
  readonly low: number;
}

/**
 * VNET/P's published table of match priorities, by source and destination qualifier. Of the routes that match a
 * frame all of the highest priority get it; `none` never matches.
 */
export const PRIORITIES = {
  not: { not: 3, any: 5, address: 7 },
  any: { not: 5, any: 6, address: 6 },
  address: { not: 7, any: 8, address: 8 },
} as const;
/** That of the routes which are made of attached NICs and links: `ADD any <mac> interface <mac> any`. */
export const AUTOMATIC_PRIORITY = PRIORITIES.any.address;

/** @param text `any`, `none`, an address, or `not-` and an address */
export function parseMacMatch(text: string): MacMatch {
  if (text === 'any' || text === 'none') return { qualifier: text, high: ANY, low: ANY };
  const not = text.startsWith('not-');
  const bytes = parseMac(not ? text.slice(4) : text);
  return { qualifier: not ? 'not' : 'address', high: half(bytes, 0), low: half(bytes, 3) };
}

/** A rule as it is looked at: all in one object, since with many rules each step elsewhere is one to cold memory. */
export interface ParsedRule {
  readonly to: VnetPlace;
  /** Undefined: from anywhere. */
  readonly from: string | undefined;
  readonly fromEdge: boolean;
  /** The address that the source, or the destination, must not be; -1 where there is none. */
  readonly notSource: number;
  readonly notDestination: number;
  /** Another one with the same key. */
  readonly next: ParsedRule | undefined;
}

export interface RuleMatch {
  readonly priority: number;
  readonly rules: readonly ParsedRule[];
}

/**
 * The routes that users added, looked up in a few steps however many they are: those with addresses by hash.
 * Only those that match everything but an address, and those that differ in nothing but where frames come
 * from, are looked at one after the other.
 */
export class Rules {
  private readonly plain = new FlowMap<ParsedRule>();
  /** Source qualifier `not`, destination an address or any. */
  private readonly exceptSource = new FlowMap<ParsedRule>();
  /** Destination qualifier `not`, source an address or any. */
  private readonly exceptDestination = new FlowMap<ParsedRule>();
  private readonly exceptBoth = new FlowMap<ParsedRule>();
  /** One object for each place, however many rules lead there: it is at hand, then, when the next one does. */
  private readonly places = new Map<string, VnetPlace>();

  constructor(readonly all: readonly VnetRule[]) {
    for (const rule of all) this.add(rule);
  }

  /** The routes of the highest priority. The address halves are as in `half`. */
  match(vni: number, from: VnetPlace, sh: number, sl: number, dh: number, dl: number): RuleMatch | undefined {
    if (this.all.length === 0) return undefined;
    const { plain, exceptSource, exceptDestination, exceptBoth } = this;
    const [s, d] = [PRIORITIES, PRIORITIES.any];
    const found: ParsedRule[] = [];
    const origin = placeKey(from);
    const look = (rule: ParsedRule | undefined): void => {
      for (; rule; rule = rule.next) {
        if (rule.notSource >= 0 && rule.notSource === whole(sh, sl)) continue;
        if (rule.notDestination >= 0 && rule.notDestination === whole(dh, dl)) continue;
        if (rule.from === undefined || rule.from === origin) found.push(rule);
      }
    };
    const best = (priority: number): RuleMatch | undefined =>
      found.length > 0 ? { priority, rules: found } : undefined;

    look(plain.get(vni, sh, sl, dh, dl));
    look(plain.get(vni, sh, sl, ANY, ANY));
    if (found.length > 0) return best(s.address.address);
    look(exceptSource.get(vni, ANY, ANY, dh, dl));
    look(exceptDestination.get(vni, sh, sl, ANY, ANY));
    if (found.length > 0) return best(s.not.address);
    look(plain.get(vni, ANY, ANY, dh, dl));
    look(plain.get(vni, ANY, ANY, ANY, ANY));
    if (found.length > 0) return best(d.any);
    look(exceptSource.get(vni, ANY, ANY, ANY, ANY));
    look(exceptDestination.get(vni, ANY, ANY, ANY, ANY));
    if (found.length > 0) return best(d.not);
    look(exceptBoth.get(vni, ANY, ANY, ANY, ANY));
    return best(s.not.not);
  }

  private add(rule: VnetRule): void {
    const [source, destination] = [parseMacMatch(rule.source), parseMacMatch(rule.destination)];
    if (source.qualifier === 'none' || destination.qualifier === 'none') return;
    const [notSource, notDestination] = [source.qualifier === 'not', destination.qualifier === 'not'];
    const map = notSource
      ? notDestination
        ? this.exceptBoth
        : this.exceptSource
      : notDestination
        ? this.exceptDestination
        : this.plain;
    const [sh, sl] = notSource ? [ANY, ANY] : [source.high, source.low];
    const [dh, dl] = notDestination ? [ANY, ANY] : [destination.high, destination.low];
    const parsed = {
      to: this.shared(rule.to),
      from: rule.from ? placeKey(rule.from) : undefined,
      fromEdge: rule.from?.type === 'edge',
      notSource: notSource ? whole(source.high, source.low) : -1,
      notDestination: notDestination ? whole(destination.high, destination.low) : -1,
      next: map.get(rule.vni, sh, sl, dh, dl),
    };
    map.set(rule.vni, sh, sl, dh, dl, parsed);
  }

  private shared(place: VnetPlace): VnetPlace {
    const key = placeKey(place);
    const known = this.places.get(key) ?? place;
    this.places.set(key, known);
    return known;
  }
}
