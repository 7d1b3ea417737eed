import type { Attachment, EdgeAttachment, StaleFlows, VnetPlace, VnetRule } from '@v3vee/contracts';
import { BROADCAST_MAC, isGroupMac } from '@v3vee/wire';
import { half } from '../flow-map';
import { placeKey } from '../port';
import { Whereabouts, type Changes, type Located } from './whereabouts';
import { AUTOMATIC_PRIORITY, Rules } from './rules';

/** What the table knows about a flow. */
export interface Lookup {
  /** Who gets its frames; nobody twice. */
  readonly places: readonly Located[];
  /**
   * Whether a route leads to a place that is there, if only to one that such frames may not go to. If not, a
   * host may be about to announce it.
   */
  readonly known: boolean;
}

/**
 * The overlay's routing policy: the routes that users added, and those that go without saying. An attached NIC is
 * as good as `ADD any <mac> interface <mac> any`, an address seen behind a link as `ADD any <mac> edge <link>
 * any`, and every NIC and link of a network gets its group frames as if by `ADD any <group> …`. All routes of
 * the highest priority get a frame; so what a user adds overrides the automatic routes (7 and 8), adds to them
 * (6), or is a fall-back for them (3 and 5).
 *
 * A unicast frame that no route matches goes to all links of its network: the address may be behind one.
 * No frame goes back to where it came from, and none goes from one link to another, unless by a route that a
 * user added *from* that link: a ring of links is no loop.
 */
export class RoutingTable {
  readonly whereabouts = new Whereabouts();
  private policy = new Rules([]);
  /** Networks with routes of users. */
  private ruled = new Map<number, string>();

  /**
   * Replaces what a host has attached.
   * @returns the flows that this changes; the broadcast address stands for all groups
   */
  attach(host: string, nics: readonly Attachment[], edges: readonly EdgeAttachment[] = []): StaleFlows[] {
    return this.stale(this.whereabouts.attach(host, nics, edges));
  }

  /** Replaces the routes that users added; answers the flows that this changes. */
  setRules(rules: readonly VnetRule[]): StaleFlows[] {
    const before = this.ruled;
    this.policy = new Rules(rules);
    this.ruled = new Map();
    for (const rule of rules) {
      this.ruled.set(rule.vni, `${this.ruled.get(rule.vni) ?? ''}${JSON.stringify(rule)}`);
    }
    const networks = new Set([...before.keys(), ...this.ruled.keys()]);
    return [...networks]
      .filter(vni => before.get(vni) !== this.ruled.get(vni))
      .map(vni => ({ vni, destination: null }));
  }

  get rules(): readonly VnetRule[] {
    return this.policy.all;
  }

  /**
   * Who gets the frames of a flow.
   * @param bytes what holds the destination address at `offset`, and the source address behind it
   */
  lookup(vni: number, from: VnetPlace, bytes: Uint8Array, offset: number): Lookup {
    const places = new Map<string, Located>();
    const origin = placeKey(from);
    let known = false;
    const add = (located: Located | undefined, explicit: boolean): void => {
      if (!located) return;
      known = true;
      const { place } = located;
      const key = placeKey(place);
      if (key === origin || (place.type === 'edge' && from.type === 'edge' && !explicit)) return;
      places.set(key, located);
    };

    const { whereabouts } = this;
    const matched = this.policy.match(
      vni,
      from,
      half(bytes, offset + 6),
      half(bytes, offset + 9),
      half(bytes, offset),
      half(bytes, offset + 3),
    );
    const priority = matched?.priority ?? 0;
    let automatic = false;
    if (priority <= AUTOMATIC_PRIORITY) {
      if (isGroupMac(bytes, offset)) {
        automatic = true;
        for (const located of whereabouts.nics(vni)) add(located, false);
        for (const located of whereabouts.edges(vni)) add(located, false);
      } else {
        const holder = whereabouts.holder(vni, bytes, offset);
        automatic = holder !== undefined;
        add(holder, false);
      }
    }
    if (matched && (priority >= AUTOMATIC_PRIORITY || !automatic)) {
      for (const rule of matched.rules) add(whereabouts.find(vni, rule.to), rule.fromEdge);
    } else if (!automatic) {
      for (const located of whereabouts.edges(vni)) add(located, false);
    }
    return { places: [...places.values()], known };
  }

  private stale({ nics, learned, networks }: Changes): StaleFlows[] {
    const whole = new Set(networks);
    // Routes of users and floods lead to places whatever the destination address is.
    for (const { vni } of nics) if (this.ruled.has(vni) || this.whereabouts.hasEdges(vni)) whole.add(vni);
    const stale: StaleFlows[] = [...whole].map(vni => ({ vni, destination: null }));
    const groups = new Set<number>();
    for (const { vni, mac } of [...nics, ...learned]) {
      if (!whole.has(vni)) stale.push({ vni, destination: mac });
    }
    for (const { vni } of nics) if (!whole.has(vni)) groups.add(vni);
    for (const vni of groups) stale.push({ vni, destination: BROADCAST_MAC });
    return stale;
  }
}
