import { type LinkConfig, type LinkStatus } from '@v3vee/contracts';
import {
  ETHERNET_HEADER_BYTES,
  ethernetFields,
  isGroupMac,
  MAC_BYTES,
  MAX_ETHERNET_BYTES,
  superFrameFromWire,
} from '@v3vee/wire';
import { familyOf, type Endpoint } from './address';
import { fitToWire } from './fit';
import { LinkCounters } from './link-counters';
import { TokenBucket } from './token-bucket';
import type { Health, LinkEnd, Listener } from './transport';

/** Answers to packets that are too big: RFC 1812 §4.3.2.8 and RFC 4443 §2.4 (f) want a limit. Linux's are 1000/s and 50. */
const ANSWERS = { perSecond: 1_000, atOnce: 50 } as const;
/** A datagram has at most 65,507 bytes (IPv4); VXLAN's header, Ethernet's and two tags are not IP of the guests. */
const MAX_DATAGRAM_MTU = 65_507 - 8 - ETHERNET_HEADER_BYTES - 8;

export interface LinkOwner {
  now(): number;
  /** A super-frame that came by the link, or an answer of its own to one that was to leave by it. */
  deliver(link: Link, frame: Uint8Array): void;
  /** `frame` came from a station behind the link. */
  learn(link: Link, ethernet: Uint8Array): void;
  healthChanged(link: Link): void;
}

/** One link: what it does to frames on their way out and in. Its socket is the listener's. */
export class Link implements LinkEnd {
  readonly counters = new LinkCounters();
  private readonly answers: TokenBucket;
  private listener: Listener | undefined;
  /** Why it has no listener although it is to be up. */
  private refusal = '';
  private mtu = 0;

  constructor(
    public config: LinkConfig,
    private readonly owner: LinkOwner,
  ) {
    this.answers = new TokenBucket(ANSWERS.perSecond, ANSWERS.atOnce, () => owner.now());
    this.reconfigure(config);
  }

  get index(): number {
    return this.config.index;
  }
  get vni(): number {
    return this.config.vni;
  }
  get wireVni(): number {
    return this.config.wireVni;
  }
  get remote(): Endpoint {
    return this.config.remote;
  }
  get isOpen(): boolean {
    return this.listener !== undefined;
  }

  /** Takes over what may change while the link is open. */
  reconfigure(config: LinkConfig): void {
    this.config = config;
    this.mtu = config.type === 'tcp' ? config.mtu : Math.min(config.mtu, MAX_DATAGRAM_MTU);
  }

  /** What keeps it from ever working as it is configured. */
  get misfit(): string | undefined {
    const { remote, local } = this.config;
    return familyOf(remote.address) === familyOf(local.address)
      ? undefined
      : `one end is IPv4 and the other IPv6: ${local.address} here, ${remote.address} there`;
  }

  open(listener: Listener): void {
    this.refusal = listener.join(this) ?? '';
    if (!this.refusal) this.listener = listener;
    this.changed();
  }

  refuse(reason: string): void {
    this.refusal = reason;
    this.changed();
  }

  close(): void {
    this.listener?.leave(this);
    this.listener = undefined;
    this.refusal = '';
  }

  get health(): Health {
    if (!this.config.up) return { state: 'DOWN', reason: 'it is set down' };
    if (this.listener) return this.listener.health(this);
    return { state: 'ERROR', reason: this.refusal };
  }

  /** `unknown-peer` is its socket's count, which other links may share: what came there from nobody's peer. */
  status(learned: string[]): LinkStatus {
    const { counters, listener } = this;
    const dropped = { ...counters.dropped, 'unknown-peer': listener?.status().unknownPeer ?? 0 };
    return { index: this.index, ...this.health, learned, counters: { ...counters, dropped } };
  }

  send(superFrames: readonly Uint8Array[]): void {
    const { counters, listener } = this;
    if (!listener) return counters.drop('down', superFrames.length);
    const leaving: Uint8Array[] = [];
    for (const superFrame of superFrames) {
      const fitted = fitToWire(superFrame, this.mtu);
      if ('frames' in fitted) {
        for (const frame of fitted.frames) leaving.push(frame);
        continue;
      }
      counters.drop(fitted.problem);
      if (fitted.answer && this.answers.take()) this.owner.deliver(this, fitted.answer);
    }
    if (leaving.length) listener.send(this, leaving);
  }

  receive(ethernet: Uint8Array): void {
    const { counters } = this;
    if (ethernet.length < ETHERNET_HEADER_BYTES) return counters.drop('runt');
    if (ethernet.length > MAX_ETHERNET_BYTES) return counters.drop('oversize');
    if (!isStation(ethernet, ethernetFields.source.start)) return counters.drop('garbage');
    counters.received(ethernet.length);
    this.owner.learn(this, ethernet);
    this.owner.deliver(this, superFrameFromWire(ethernet, this.mtu));
  }

  changed(): void {
    this.owner.healthChanged(this);
  }
}

/** Whether the address at `offset` can be one station's: neither a group's nor all zero. */
function isStation(bytes: Uint8Array, offset: number): boolean {
  if (isGroupMac(bytes, offset)) return false;
  for (let i = 0; i < MAC_BYTES; i++) if (bytes[offset + i] !== 0) return true;
  return false;
}
