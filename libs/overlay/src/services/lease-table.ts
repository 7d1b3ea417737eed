import { isHostAddress, type Members, type Subnet } from './members';

export interface Lease {
  mac: string;
  address: number;
  /** ms since 1970. From then on the client may not use the address; it is still kept for it while others are free. */
  expiresAt: number;
}

interface Entry extends Lease {
  /** False for an offer, which is forgotten when it expires. */
  granted: boolean;
}

/** How long an offered address waits for the client's request, ms. */
const OFFER_MS = 30_000;
/** How long an address that a client found in use is not offered, ms, and how many are remembered. */
const DECLINED_MS = 600_000;
const MAX_DECLINED = 16;
/**
 * Stations that are no NICs of ours (behind a link, or made up by a guest) get no more than this share of the
 * addresses, so that nobody can take them all from the VMs, and no more than this many.
 */
const STRANGERS = { share: 0.5, most: 1024 };

/** Who has which address of one subnet. Kept in memory; what must outlive the process is the caller's to save. */
export class LeaseTable {
  private readonly byMac = new Map<string, Entry>();
  private readonly byAddress = new Map<number, Entry>();
  private readonly declined = new Map<number, number>();
  members: Members;

  constructor(
    private readonly subnet: Subnet,
    members: Members,
    leases: readonly Lease[] = [],
  ) {
    this.members = members;
    for (const lease of leases) {
      if (isHostAddress(lease.address, subnet)) this.put({ ...lease, granted: true });
    }
  }

  /**
   * The address that a client is to have: the one it is defined with, else the one it has or had, else the one it
   * wishes for, else the lowest that nobody had, else the one whose lease ended first. Undefined when there is none.
   */
  choose(mac: string, wish: number | undefined, now: number): number | undefined {
    this.forgetOffers(now);
    const member = this.members.withMac(mac);
    if (member && member.fixed !== null) {
      return isHostAddress(member.fixed, this.subnet) ? member.fixed : undefined;
    }
    const own = this.byMac.get(mac);
    if (own && this.isFor(mac, own.address, now)) return own.address;
    if (!member && !own && this.strangersAreMany()) return this.longestExpired(mac, now, true);
    if (wish !== undefined && this.isFor(mac, wish, now) && !this.byAddress.has(wish)) return wish;
    return this.lowestFree(mac, now) ?? this.longestExpired(mac, now, false);
  }

  /** Keeps an address for a client until it asks for it. */
  offer(mac: string, address: number, now: number): void {
    const own = this.byMac.get(mac);
    if (own?.granted && own.address === address) return;
    this.put({ mac, address, expiresAt: now + OFFER_MS, granted: false });
  }

  grant(lease: Lease): void {
    this.put({ ...lease, granted: true });
  }

  /** The lease ends now; the address stays the client's while others are free. */
  release(mac: string, address: number, now: number): Lease | undefined {
    const own = this.byMac.get(mac);
    if (!own?.granted || own.address !== address || own.expiresAt <= now) return undefined;
    own.expiresAt = now;
    return toLease(own);
  }

  /** The client found its address in use by another station: nobody gets it for a while. */
  decline(mac: string, address: number, now: number): Lease | undefined {
    const own = this.byMac.get(mac);
    if (own?.address !== address) return undefined;
    const [oldest] = this.declined.keys();
    if (this.declined.size >= MAX_DECLINED && oldest !== undefined) this.declined.delete(oldest);
    this.declined.set(address, now + DECLINED_MS);
    this.remove(own);
    own.expiresAt = now;
    return own.granted ? toLease(own) : undefined;
  }

  /** A client took another server's offer. */
  withdraw(mac: string): void {
    const own = this.byMac.get(mac);
    if (own && !own.granted) this.remove(own);
  }

  /** The address lent to a client, while it may use it. */
  active(mac: string, now: number): number | undefined {
    const own = this.byMac.get(mac);
    return own?.granted && own.expiresAt > now ? own.address : undefined;
  }

  /** Whom an address is lent to, while it may be used. */
  holder(address: number, now: number): string | undefined {
    const entry = this.byAddress.get(address);
    return entry?.granted && entry.expiresAt > now ? entry.mac : undefined;
  }

  /** Whether a client may have an address as far as definitions, reports and other leases go. */
  private isFor(mac: string, address: number, now: number): boolean {
    if (!isHostAddress(address, this.subnet)) return false;
    if ((this.declined.get(address) ?? 0) > now) return false;
    const owner = this.members.withFixed(address);
    if (owner && owner.mac !== mac) return false;
    const entry = this.byAddress.get(address);
    if (entry?.mac === mac) return true;
    if (entry && entry.expiresAt > now) return false;
    // Looked at last: what a guest says of itself must not take the address of another.
    return (this.members.reporting(address)?.mac ?? mac) === mac;
  }

  /** Each step of the walk passes an address that is taken, so it is bounded by what is known, not by the subnet. */
  private lowestFree(mac: string, now: number): number | undefined {
    const { network, broadcast } = this.subnet;
    for (let address = network + 1; address < broadcast; address++) {
      if (!this.byAddress.has(address) && this.isFor(mac, address, now)) return address;
    }
    return undefined;
  }

  private longestExpired(mac: string, now: number, ofStrangers: boolean): number | undefined {
    let first: Entry | undefined;
    for (const entry of this.byMac.values()) {
      if (entry.expiresAt > now || !this.isFor(mac, entry.address, now)) continue;
      if (ofStrangers && this.members.withMac(entry.mac)) continue;
      if (!first || this.rank(entry) < this.rank(first)) first = entry;
    }
    return first?.address;
  }

  /** Addresses of strangers are given away before those of VMs. */
  private rank({ mac, expiresAt }: Entry): number {
    return expiresAt + (this.members.withMac(mac) ? Number.MAX_SAFE_INTEGER / 2 : 0);
  }

  /** Those whose lease has ended count too, so that made-up stations cannot fill memory and store. */
  private strangersAreMany(): boolean {
    const { network, broadcast } = this.subnet;
    const most = Math.min(STRANGERS.most, Math.floor((broadcast - network - 2) * STRANGERS.share));
    let strangers = 0;
    for (const mac of this.byMac.keys()) if (!this.members.withMac(mac)) strangers++;
    return strangers >= most;
  }

  private forgetOffers(now: number): void {
    for (const entry of this.byMac.values()) {
      if (!entry.granted && entry.expiresAt <= now) this.remove(entry);
    }
  }

  /** Replaces what the client had, and who had the address. */
  private put(entry: Entry): void {
    for (const old of [this.byMac.get(entry.mac), this.byAddress.get(entry.address)]) {
      if (old) this.remove(old);
    }
    this.byMac.set(entry.mac, entry);
    this.byAddress.set(entry.address, entry);
  }

  private remove({ mac, address }: Entry): void {
    this.byMac.delete(mac);
    this.byAddress.delete(address);
  }
}

function toLease({ mac, address, expiresAt }: Entry): Lease {
  return { mac, address, expiresAt };
}
