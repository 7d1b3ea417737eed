import type { VnetPlace, VnetRule } from '@v3vee/contracts';
import { parseMac } from '@v3vee/wire';
import { ANY, FlowMap, half } from '../flow-map';
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

interface ParsedRule {
  readonly rule: VnetRule;
  readonly source: MacMatch;
  readonly destination: MacMatch;
}

export interface RuleMatch {
  readonly priority: number;
  readonly rules: readonly VnetRule[];
}

/**
 * The routes that users added, looked up in a few steps however many they are: those with addresses by hash.
 * Only those that match everything but an address, and those that differ in nothing but where frames come
 * from, are looked at one after the other.
 */
export class Rules {
  private readonly plain = new FlowMap<ParsedRule[]>();
  /** Source qualifier `not`, destination an address or any. */
  private readonly exceptSource = new FlowMap<ParsedRule[]>();
  /** Destination qualifier `not`, source an address or any. */
  private readonly exceptDestination = new FlowMap<ParsedRule[]>();
  private readonly exceptBoth = new FlowMap<ParsedRule[]>();

  constructor(readonly all: readonly VnetRule[]) {
    for (const rule of all) this.add(rule);
  }

  /** The routes of the highest priority, in the order of their adding. The address halves are as in `half`. */
  match(vni: number, from: VnetPlace, sh: number, sl: number, dh: number, dl: number): RuleMatch | undefined {
    if (this.all.length === 0) return undefined;
    const { plain, exceptSource, exceptDestination, exceptBoth } = this;
    const [s, d] = [PRIORITIES, PRIORITIES.any];
    const found: VnetRule[] = [];
    const look = (bucket: ParsedRule[] | undefined): void => {
      for (const { rule, source, destination } of bucket ?? []) {
        if (source.qualifier === 'not' && source.high === sh && source.low === sl) continue;
        if (destination.qualifier === 'not' && destination.high === dh && destination.low === dl) continue;
        if (rule.from === null || placeKey(rule.from) === placeKey(from)) found.push(rule);
      }
    };
    const best = (priority: number): RuleMatch | undefined =>
      found.length > 0 ? { priority, rules: found.sort((a, b) => a.index - b.index) } : undefined;

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
    const bucket = map.get(rule.vni, sh, sl, dh, dl);
    if (bucket) bucket.push({ rule, source, destination });
    else map.set(rule.vni, sh, sl, dh, dl, [{ rule, source, destination }]);
  }
}
