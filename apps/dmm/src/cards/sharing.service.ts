import { BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { dmmCalls, palaciosVpioCalls, V3Error, type HookRule } from '@v3vee/contracts';
import { modelOf } from '@v3vee/device-models';
import { PinoLogger } from 'nestjs-pino';
import type { z } from 'zod';
import { DmmMetrics } from '../dmm.metrics';
import { checked } from '../exits/judge';
import { PoliciesService } from '../policies/policies.service';
import { RecordsService } from '../records/records.service';
import { VmNames } from '../vm-names';
import type { Card } from './card';
import { Cards } from './cards';
import { hooksOf } from './hooks';
import { Switcher } from './switcher';

type Asked<Name extends keyof typeof dmmCalls> = z.infer<(typeof dmmCalls)[Name]['request']> & {
  host: string;
};

/** What a switch may take beside the wait for the card to be reusable, before its host is taken not to answer, ms. */
const SWITCH_MS = 15_000;
/** How long the end of the service waits for switches that are under way, ms. */
const LAST_SWITCH_MS = 2_000;

/** Hears who wants a card and who is gone, and has cards switched. */
@Injectable()
export class SharingService implements BeforeApplicationShutdown {
  /** The host should be asked who has its cards. */
  onDoubt: (host: string) => void = () => undefined;
  private readonly switchers = new Map<Card, Switcher>();
  private isOpen = false;

  constructor(
    private readonly bus: Bus,
    private readonly cards: Cards,
    private readonly policies: PoliciesService,
    private readonly records: RecordsService,
    private readonly names: VmNames,
    private readonly metrics: DmmMetrics,
    private readonly log: PinoLogger,
  ) {
    log.setContext('Sharing');
    cards.onRelease = card => this.look(card);
    policies.onChange = () => this.lookAtAll();
  }

  /** From now on cards are switched; until then wishes are noted only. */
  open(): void {
    this.isOpen = true;
    this.lookAtAll();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isOpen = false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => (timer = setTimeout(resolve, LAST_SWITCH_MS)));
    await Promise.race([Promise.all([...this.switchers.values()].map(switcher => switcher.close())), late]);
    clearTimeout(timer);
  }

  /**
   * A guest wants a card; `switch`: it is about to get it.
   * @throws V3Error INVALID_REQUEST, DEVICE_IN_USE, DEVICE_MISMATCH
   */
  acquire(request: Asked<'acquire'>): { verdict: 'switch' | 'wait' } {
    const { vmId, access, why, state, memorySize } = request;
    const card = this.cards.admit(request, { model: request.model, access });
    const use = { access, model: modelOf(request.model), state, memorySize };
    card.put(request, card.known(request, use) ?? checked(use));
    this.names.learn(vmId);
    const { arbiter } = card;
    // Either its wish is older than its having the card, or it has not got it after all.
    if (arbiter.next === null && arbiter.holder?.vmId === vmId) this.onDoubt(card.host);
    arbiter.ask(request, why, performance.now());
    this.look(card);
    return { verdict: (arbiter.next ?? arbiter.holder)?.vmId === vmId ? 'switch' : 'wait' };
  }

  /** A guest is gone. That of an epoch that is over was gone already. */
  release({ host, nic, ...guest }: Asked<'release'>): void {
    const card = this.cards.find(host, nic);
    if (!this.cards.isCurrent(guest) || !card) return;
    card.release(guest.vmId);
    this.look(card);
    // While one machine of a VM replaces another, the wish of the new one may have come before this.
    this.onDoubt(host);
  }

  /** The hooked I/O list in force; empty while nobody has the card, or it is not known who. */
  hooks({ host, nic }: Asked<'hooks'>): HookRule[] {
    const card = this.cards.find(host, nic);
    const holder = card?.guests.get(card.arbiter.holder?.vmId ?? '');
    return holder ? hooksOf(holder) : [];
  }

  /** A host's Palacios was started anew: what it had is gone. */
  forgetHost(host: string): void {
    for (const card of this.cards.forgetHost(host)) {
      const reason = new V3Error('HOST_NOT_READY', `the Palacios of ${host} was started anew`);
      this.switchers.get(card)?.giveUp(reason);
      this.switchers.delete(card);
    }
  }

  lookAtAll(): void {
    for (const card of this.cards.all()) this.look(card);
  }

  private look(card: Card): void {
    if (!this.isOpen) return;
    let switcher = this.switchers.get(card);
    if (!switcher) this.switchers.set(card, (switcher = this.switcherOf(card)));
    switcher.look();
  }

  private switcherOf(card: Card): Switcher {
    const { bus, metrics, log, policies, records } = this;
    const { host, name: device } = card;
    const reusableMs = () => policies.of(device).reusableMs;
    return new Switcher({
      card,
      reusableMs,
      call: async (request, signal) => {
        const measured = metrics.switches.startTimer({ device });
        const timeoutMs = request.reusableMs + SWITCH_MS;
        const response = await bus.call(palaciosVpioCalls.switch, host, request, { timeoutMs, signal });
        measured();
        return response;
      },
      onDone: (_to, response) => {
        if (response.forced) metrics.forced.inc({ device });
        records.saved(card, response);
      },
      onFailed: ({ vmId }, { code, message }, dropped) => {
        metrics.failed.inc({ device });
        log.warn(
          { device, vm: this.names.of(vmId), code, error: message, dropped },
          'a card was not switched',
        );
        // It is not known what became of a call that was not answered, or the guest may be there by now.
        this.onDoubt(host);
      },
    });
  }
}
