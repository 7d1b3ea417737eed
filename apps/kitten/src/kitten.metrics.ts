import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { taskKinds } from '@v3vee/contracts';
import { KittenService } from './kitten.service';

/** What an owner is, not who: labels are bounded. */
const ownerKind = (owner: string | null): string => {
  if (owner === null) return 'none';
  if (owner === 'kitten') return 'kernel';
  return owner.startsWith('vm/') ? 'guest' : 'native';
};

/** Shows the host's memory and cores at `/metrics`, read when asked for. */
@Injectable()
export class KittenMetrics {
  constructor(registry: Registry, { kernel, refusals }: KittenService) {
    const registers = [registry];
    new Gauge({
      name: 'v3_kitten_memory_bytes',
      help: 'Physical memory by type and state; the sum is all there is',
      labelNames: ['type', 'state'],
      registers,
      collect() {
        this.reset();
        this.set({ type: 'umem', state: 'free' }, 0);
        for (const { type, owner, length } of kernel.map.query()) {
          this.inc({ type, state: owner === null ? 'free' : 'used' }, length);
        }
      },
    });
    new Gauge({
      name: 'v3_kitten_owned_bytes',
      help: 'Physical memory by type and by whose it is; the sum is all there is',
      labelNames: ['type', 'owner'],
      registers,
      collect() {
        this.reset();
        for (const { type, owner, length } of kernel.map.query()) {
          this.inc({ type, owner: ownerKind(owner) }, length);
        }
      },
    });
    new Counter({
      name: 'v3_kitten_core_seconds_total',
      help: 'Time of all cores by the kind of task that had them',
      labelNames: ['kind'],
      registers,
      collect() {
        this.reset();
        const granted = kernel.time.granted();
        for (const kind of taskKinds) this.inc({ kind }, granted[kind] / 1_000);
      },
    });
    new Counter({
      name: 'v3_kitten_context_switches_total',
      help: 'Times that a core went from one task to another',
      registers,
      collect() {
        this.reset();
        this.inc(kernel.time.switches);
      },
    });
    new Gauge({
      name: 'v3_kitten_run_queue_length',
      help: 'Tasks that want a core, by core',
      labelNames: ['core'],
      registers,
      collect() {
        for (const [core, queue] of kernel.time.cores.entries()) this.set({ core }, queue.length);
      },
    });
    new Gauge({
      name: 'v3_kitten_memory_largest_hole_bytes',
      help: 'Largest contiguous run that a guest could get',
      registers,
      collect() {
        this.set(kernel.inventory().memoryLargestHoleMiB * 1024 * 1024);
      },
    });
    new Gauge({
      name: 'v3_kitten_cores',
      help: 'Cores by state',
      labelNames: ['state'],
      registers,
      collect() {
        this.set({ state: 'free' }, kernel.cores.free);
        this.set({ state: 'used' }, kernel.cores.count - kernel.cores.free);
      },
    });
    new Gauge({
      name: 'v3_kitten_claimed',
      help: '1 once Palacios has said what its guests hold',
      registers,
      collect() {
        this.set(kernel.claimed ? 1 : 0);
      },
    });
    new Counter({
      name: 'v3_kitten_refusals_total',
      help: 'Requests turned down, by error code',
      labelNames: ['code'],
      registers,
      collect() {
        this.reset();
        for (const [code, count] of refusals) this.inc({ code }, count);
      },
    });
  }
}
