import { formatMac, MacMap, parseMac } from '@v3vee/wire';

/** Addresses that may be known behind one owner: a hostile peer can make up as many as it likes. */
export const MAX_LEARNED = 1_024;
/** How long an address is remembered after its last frame, ms; a bridge's default (IEEE 802.1Q §8.8.3). */
export const LEARNED_MS = 300_000;

interface Learned<T> {
  owner: T;
  readonly mac: string;
  seen: number;
}

/**
 * Which link each address is behind, as a learning bridge knows it: an address is behind the link that it was
 * last seen on, in its network. Of each link at most
 * `MAX_LEARNED` are known; further ones are not learned until others have been forgotten.
 */
export class AddressTable<T extends object> {
  private readonly table = new MacMap<Learned<T>>();
  private readonly byOwner = new Map<T, Map<string, { vni: number; entry: Learned<T> }>>();

  /** `now` is a clock in ms; `onChange` is told each owner whose set of addresses has changed. */
  constructor(
    private readonly now: () => number,
    private readonly onChange: (owner: T) => void,
  ) {}

  /** A frame from the address at `offset` came by `owner`. */
  seen(owner: T, vni: number, bytes: Uint8Array, offset: number): void {
    const known = this.table.get(vni, bytes, offset);
    if (known?.owner === owner) {
      known.seen = this.now();
      return;
    }
    let own = this.byOwner.get(owner);
    if (!own) this.byOwner.set(owner, (own = new Map()));
    if (own.size >= MAX_LEARNED) return;
    if (known) this.remove(known.owner, known.mac);
    const entry = { owner, mac: formatMac(bytes, offset), seen: this.now() };
    this.table.set(vni, bytes, offset, entry);
    own.set(entry.mac, { vni, entry });
    this.onChange(owner);
  }

  of(owner: T): string[] {
    return [...(this.byOwner.get(owner)?.keys() ?? [])];
  }

  /** Forgets what was not seen for long. */
  age(): void {
    const oldest = this.now() - LEARNED_MS;
    for (const [owner, own] of this.byOwner) {
      for (const [mac, { entry }] of own) if (entry.seen < oldest) this.remove(owner, mac);
    }
  }

  /** Forgets all behind this owner. */
  forget(owner: T): void {
    for (const mac of this.of(owner)) this.remove(owner, mac);
    this.byOwner.delete(owner);
  }

  private remove(owner: T, mac: string): void {
    const own = this.byOwner.get(owner);
    const found = own?.get(mac);
    if (!own || !found) return;
    own.delete(mac);
    this.table.delete(found.vni, parseMac(mac));
    this.onChange(owner);
  }
}
