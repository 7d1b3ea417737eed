import { Counter, Gauge, type Registry } from 'prom-client';
import type { CardFigures } from '../vpio/account';
import { whileUnderWay } from './vm-metrics';

export interface VpioMetricsOptions {
  registry: Registry;
  host: string;
  /** What was counted at each card of this host. */
  figures: () => Promise<{ nic: string; figures: CardFigures }[]>;
}

/** What Prometheus sees of this host's physical cards; what the DMM decides about them are its own `v3_dmm_*`. */
export class VpioMetrics {
  readonly #families: { reset(): void }[] = [];
  readonly #refresh: () => Promise<void>;

  constructor(private readonly options: VpioMetricsOptions) {
    const { host, figures } = options;
    const total = <L extends string>(name: string, help: string, labels: readonly L[] = []) =>
      this.#family(new Counter(this.#named(name, help, labels)));
    const accesses = total('accesses_total', 'Accesses of guests to a card’s registers', [
      'class',
      'direction',
    ]);
    const exits = total('exits_total', 'Times that a guest’s thread stood still until the DMM had decided');
    const exitSeconds = total('exit_seconds_total', 'How long guests’ threads stood still for that');
    const switches = total('switches_total', 'Times that a card was taken from a guest');
    const switchSeconds = total(
      'switch_seconds_total',
      'From the callback until the next guest had the card',
    );
    const forced = total('switches_forced_total', 'Switches of a card that did not become reusable in time');
    const interrupts = total('interrupts_total', 'Interrupts of a card');
    const denied = total('dma_denied_total', 'DMA that the guard stopped, beside what the DMM denied');
    const frames = total('frames_total', 'Frames that guests sent and got', ['direction']);
    const dropped = total(
      'frames_dropped_total',
      'Frames beyond the bound of what waits, or under a false address',
      ['reason'],
    );
    const held = this.#family(
      new Gauge(this.#named('frames_held', 'Frames that wait for guests without the card', [])),
    );
    this.#refresh = whileUnderWay(async () => {
      const cards = await figures();
      for (const family of this.#families) family.reset();
      for (const { nic, figures: of } of cards) {
        const { account } = of;
        const device = `${host}/${nic}`;
        for (const { direction, ...row } of account.registers) {
          for (const kind of ['open', 'shadow', 'exit'] as const)
            accesses.inc({ device, direction, class: kind }, row[kind]);
        }
        exits.inc({ device }, account.exits.count);
        exitSeconds.inc({ device }, of.exitsMs / 1e3);
        switches.inc({ device }, account.switches.count);
        switchSeconds.inc({ device }, of.switchesMs / 1e3);
        forced.inc({ device }, account.forced);
        interrupts.inc({ device }, account.interrupts);
        denied.inc({ device }, account.denied);
        frames.inc({ device, direction: 'receive' }, account.frames.received);
        frames.inc({ device, direction: 'transmit' }, account.frames.transmitted);
        dropped.inc({ device, reason: 'full' }, account.frames.dropped);
        dropped.inc({ device, reason: 'spoofed' }, account.frames.spoofed);
        held.set({ device }, account.frames.held);
      }
    });
  }

  #named<L extends string>(name: string, help: string, labels: readonly L[]) {
    const labelNames = ['device', ...labels] as ('device' | L)[];
    const registers = [this.options.registry];
    return { name: `v3_vpio_${name}`, help, labelNames, registers, collect: () => this.#refresh() };
  }

  #family<F extends { reset(): void }>(family: F): F {
    this.#families.push(family);
    return family;
  }
}
