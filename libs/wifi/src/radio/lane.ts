import { AirtimeQueue } from './airtime-queue';
import type { Outgoing } from './outgoing';
import type { Station } from './station';

/** A frame that the radio sends on a vMAC's behalf. */
export interface Announcement {
  station: Station;
  sleeps: boolean;
  tries: number;
}

/** What waits for a channel. */
export class Lane {
  /** Go first. */
  readonly announcements: Announcement[] = [];
  /** Probe requests go before other frames: those who scan do not wait. */
  probes: Outgoing[] = [];
  readonly frames = new AirtimeQueue<Station, Outgoing>();
  /** When a frame for one of ours arrived last, in ms. */
  heard = -Infinity;
  /** Last frame of either direction. */
  traffic = -Infinity;

  constructor(readonly freq: number) {}
}
