import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What Prometheus sees of the DMM. Labels are devices and words of ours: guests cannot make new ones. */
@Injectable()
export class DmmMetrics {
  readonly exits: Counter<'device' | 'verdict'>;
  readonly violations: Counter<'device' | 'verdict'>;
  readonly switches: Histogram<'device'>;
  readonly forced: Counter<'device'>;
  readonly failed: Counter<'device'>;
  readonly staleExits: Counter<'device'>;
  readonly lost: Counter<'record'>;
  /** Those known now: what was not counted of one yet is nought, so that the first time is seen to be one more. */
  devices: () => readonly string[] = () => [];

  constructor(private readonly registry: Registry) {
    this.exits = this.counter('exits_total', 'Accesses that the DMM was asked about', ['device', 'verdict'], {
      verdict: ['proceed', 'deny', 'stop'],
    });
    this.violations = this.counter('violations_total', 'DMA that was denied', ['device', 'verdict'], {
      verdict: ['deny', 'stop'],
    });
    this.switches = new Histogram({
      name: 'v3_dmm_switch_seconds',
      help: 'Time from the decision to switch a card until the next guest has it',
      labelNames: ['device'],
      buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 15],
      registers: [registry],
    });
    this.forced = this.counter('switches_forced_total', 'Switches of cards that did not become reusable', [
      'device',
    ]);
    this.failed = this.counter('switches_failed_total', 'Switches that a host did not make', ['device']);
    this.staleExits = this.counter('stale_exits_total', 'Exits that came after a later one', ['device']);
    this.lost = this.counter('records_lost_total', 'Records that could not be written', ['record']);
  }

  /** Read when asked for, not kept twice. */
  gauge<L extends string>(
    name: string,
    help: string,
    labelNames: L[],
    read: (gauge: Gauge<L>) => void,
  ): void {
    new Gauge({
      ...{ name: `v3_dmm_${name}`, help, labelNames, registers: [this.registry] },
      collect() {
        this.reset();
        read(this);
      },
    });
  }

  /** As `gauge`, of what only grows. */
  total(name: string, help: string, read: () => number): void {
    new Counter({
      ...{ name: `v3_dmm_${name}`, help, registers: [this.registry] },
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  /** @param words that a second label can be */
  private counter<L extends string>(
    name: string,
    help: string,
    labelNames: L[],
    words: Partial<Record<L, readonly string[]>> = {},
  ): Counter<L> {
    const devices = () => (labelNames.includes('device' as L) ? this.devices() : []);
    const [[word, values] = ['', ['']]] = Object.entries<readonly string[] | undefined>(words);
    return new Counter({
      ...{ name: `v3_dmm_${name}`, help, labelNames, registers: [this.registry] },
      collect() {
        for (const device of devices())
          for (const value of values ?? [])
            this.inc({ device, ...(word && { [word]: value }) } as Record<L, string>, 0);
      },
    });
  }
}
