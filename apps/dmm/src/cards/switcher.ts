import { V3Error, type palaciosVpioCalls } from '@v3vee/contracts';
import type { z } from 'zod';
import type { Guest } from '../arbiter/arbiter';
import type { Card } from './card';
import { hooksOf, windowsOf } from './hooks';

export type SwitchRequest = z.infer<typeof palaciosVpioCalls.switch.request>;
export type SwitchResponse = z.infer<typeof palaciosVpioCalls.switch.response>;

export interface SwitcherOptions {
  card: Card;
  reusableMs: () => number;
  /** Has the host switch the card. */
  call: (request: SwitchRequest, signal: AbortSignal) => Promise<SwitchResponse>;
  onDone: (to: Guest, response: SwitchResponse) => void;
  /** `dropped`: the guest that should have got it is not there any more. */
  onFailed: (to: Guest, error: V3Error, dropped: boolean) => void;
  /** A monotonic clock, ms. */
  now?: () => number;
}

/** Carries out what the arbiter of a card decides, when it is due. */
export class Switcher {
  private readonly now: () => number;
  private readonly abort = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;
  private underWay: Promise<void> = Promise.resolve();

  constructor(private readonly options: SwitcherOptions) {
    this.now = options.now ?? (() => performance.now());
  }

  /** To be called when something changed that the arbiter decides by. */
  look(): void {
    clearTimeout(this.timer);
    if (this.isClosed) return;
    const step = this.options.card.arbiter.step(this.now());
    if (step.do === 'switch') this.underWay = this.switch(step.to);
    if (step.do === 'wait') this.timer = setTimeout(() => this.look(), Math.ceil(step.until - this.now()));
  }

  /** No more switches. @returns when the one that is under way has ended */
  close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    return this.underWay;
  }

  /** Also of the one that is under way nobody waits for the end: who should make it is gone. */
  giveUp(reason: V3Error): void {
    void this.close();
    this.abort.abort(reason);
  }

  private async switch(to: Guest): Promise<void> {
    const { card, onDone, onFailed } = this.options;
    card.arbiter.begin(to);
    const outcome = await this.ask(to).catch(V3Error.from);
    if (outcome instanceof V3Error) {
      const dropped = card.arbiter.failed(this.now(), outcome.code === 'VM_NOT_FOUND');
      if (dropped) card.guests.delete(to.vmId);
      onFailed(to, outcome, dropped);
    } else {
      card.arbiter.done(this.now());
      onDone(to, outcome);
    }
    this.look();
  }

  private async ask(to: Guest): Promise<SwitchResponse> {
    const { card, reusableMs, call } = this.options;
    const guest = card.guests.get(to.vmId);
    if (!guest)
      throw new V3Error('INTERNAL', `nothing is known of VM ${to.vmId}, which waits for ${card.name}`);
    const [hooks, windows] = [hooksOf(guest), windowsOf(guest)];
    const state = guest.state as Record<string, unknown>;
    const request = { nic: card.nic, to: { ...to, state }, reusableMs: reusableMs(), hooks, windows };
    return call(request, this.abort.signal);
  }
}
