import { vmStates, V3Error, type PalaciosVerb, type Telemetry } from '@v3vee/contracts';
import type { OverlayNode } from '@v3vee/overlay';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Fleet } from '../lifecycle/fleet';
import type { Vm } from '../lifecycle/vm';
import { within } from '../lifecycle/within';
import { ReadHistogram } from './read-histogram';

/** A guest that is busy answers within milliseconds; a scrape does not wait for one that does not. */
const TELEMETRY_MS = 1_000;

export interface VmMetricsOptions {
  registry: Registry;
  fleet: Fleet;
  overlay: OverlayNode;
  /** Statuses that are not durable yet. */
  behind: () => number;
  /** Whether it may run its VMs. */
  leaseHeld: () => boolean;
}

/** What Prometheus sees of this host's VMs; names after KubeVirt's, base units. */
export class VmMetrics {
  readonly #verbs: Histogram<'verb' | 'code'>;

  constructor(private readonly options: VmMetricsOptions) {
    const { registry } = options;
    const registers = [registry];
    this.#verbs = new Histogram({
      name: 'v3_palacios_verb_duration_seconds',
      help: 'Time to carry out a verb, by its outcome',
      labelNames: ['verb', 'code'],
      buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
      registers,
    });
    new Gauge({
      name: 'v3_palacios_status_behind',
      help: 'VMs whose newest status is not in the database yet',
      registers,
      collect() {
        this.set(options.behind());
      },
    });
    new Gauge({
      name: 'v3_palacios_lease_held',
      help: '1 while the host has its lease, without which its guests stand still',
      registers,
      collect() {
        this.set(options.leaseHeld() ? 1 : 0);
      },
    });
    this.#guests(registers);
    this.#overlay(registers);
  }

  verbDone(verb: PalaciosVerb, seconds: number, code: string): void {
    this.#verbs.observe({ verb, code }, seconds);
  }

  #guests(registers: Registry[]): void {
    const { fleet } = this.options;
    const vm = ['vm'] as const;
    const nic = [...vm, 'interface'] as const;
    const families: Counter<string>[] = [];
    // A scrape collects all families at the same time; each guest is asked once for all of them.
    const refresh = whileUnderWay(async () => {
      const answers = await Promise.all(
        fleet.all().map(async each => ({ name: each.name, t: await telemetryOf(each) })),
      );
      for (const family of families) family.reset();
      cost.reset();
      balloon.reset();
      for (const { name, t } of answers) if (t) fill(name, t);
    });
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> => {
      const family = new Counter({ name, help, labelNames, registers, collect: refresh });
      families.push(family as Counter<string>);
      return family;
    };

    const exits = counter('v3_vm_exits_total', 'Exits from the guest to the VMM', [...vm, 'kind']);
    const cost = new ReadHistogram({
      name: 'v3_vm_exit_cost_seconds',
      help: 'What handling exits took, of a sample of them',
      labelNames: [...vm, 'kind'],
      registers,
      collect: refresh,
    });
    const balloon = new Gauge({
      name: 'v3_vm_memory_balloon_bytes',
      help: 'Of its memory, what the guest has given back',
      labelNames: vm,
      registers,
      collect: refresh,
    });
    const hypercalls = counter('v3_vm_hypercalls_total', 'Hypercalls of the guest', [...vm, 'call']);
    const yields = counter('v3_vm_yields_total', 'What the core did when its guest had nothing to do', [
      ...vm,
      'kind',
    ]);
    const seconds = counter('v3_vm_vcpu_seconds_total', 'Time of the core, in guest code and halted', [
      ...vm,
      'state',
    ]);
    const instructions = counter('v3_vm_instructions_total', 'Guest instructions executed', vm);
    const stuck = counter(
      'v3_vm_interrupts_stuck_total',
      'Times that the interrupt controller was seen serving nobody',
      vm,
    );
    const network = {
      receiveBytes: counter('v3_vm_network_receive_bytes_total', 'Bytes to the guest', nic),
      receivePackets: counter('v3_vm_network_receive_packets_total', 'Frames to the guest', nic),
      transmitBytes: counter('v3_vm_network_transmit_bytes_total', 'Bytes from the guest', nic),
      transmitPackets: counter('v3_vm_network_transmit_packets_total', 'Frames from the guest', nic),
    };
    const dropped = counter('v3_vm_network_packets_dropped_total', 'Frames dropped by the card', [
      ...nic,
      'reason',
    ]);

    const drive = [...vm, 'drive'] as const;
    const storage = {
      readRequests: counter('v3_vm_storage_iops_read_total', 'Reads of the guest from a disk', drive),
      readBytes: counter('v3_vm_storage_read_traffic_bytes_total', 'Bytes that the guest read', drive),
      writeRequests: counter('v3_vm_storage_iops_write_total', 'Writes of the guest to a disk', drive),
      writeBytes: counter('v3_vm_storage_write_traffic_bytes_total', 'Bytes that the guest wrote', drive),
      flushes: counter(
        'v3_vm_storage_flush_requests_total',
        'Times that the guest had a disk made durable',
        drive,
      ),
      refused: counter('v3_vm_storage_refused_requests_total', 'Requests answered with an error', drive),
      stalls: counter(
        'v3_vm_storage_stalls_total',
        'Times that a disk stood still: its host had no room',
        drive,
      ),
    };

    const dispatch = {
      kicks: counter('v3_vm_network_kicks_total', 'Times that the guest told the card of frames', nic),
      interrupts: counter('v3_vm_network_interrupts_total', 'Interrupts of the card', nic),
      polls: counter('v3_vm_network_polls_total', 'Looks of the dispatcher at the card’s rings', nic),
      switches: counter(
        'v3_vm_network_dispatch_switches_total',
        'Times that the card went between guest-driven and VMM-driven dispatch',
        nic,
      ),
    };

    const fill = (name: string, t: Telemetry) => {
      const labels = { vm: name };
      for (const [kind, { count, cost: spent }] of Object.entries(t.exits)) {
        exits.inc({ ...labels, kind }, count);
        if (!spent) continue;
        const buckets = spent.histogram.map(({ upToMicros, count: within }) => ({
          upTo: upToMicros === null ? Infinity : upToMicros / 1e6,
          count: within,
        }));
        cost.put({ ...labels, kind }, buckets, (spent.sampled * spent.meanMicros) / 1e6);
      }
      for (const { number, count } of t.hypercalls)
        hypercalls.inc({ ...labels, call: `0x${number.toString(16)}` }, count);
      for (const kind of ['quanta', 'polls', 'sleeps'] as const)
        yields.inc({ ...labels, kind }, t.yields[kind]);
      seconds.inc({ ...labels, state: 'guest' }, t.guestSeconds);
      seconds.inc({ ...labels, state: 'idle' }, t.idleSeconds);
      instructions.inc(labels, t.instructions);
      stuck.inc(labels, t.interruptsStuck);
      for (const card of t.nics) {
        const at = { ...labels, interface: card.name };
        for (const [field, family] of Object.entries(network)) {
          family.inc(at, card[field as keyof typeof network]);
        }
        for (const [reason, count] of Object.entries(card.dropped)) dropped.inc({ ...at, reason }, count);
        for (const [field, family] of Object.entries(dispatch)) {
          family.inc(at, card.dispatch[field as keyof typeof dispatch]);
        }
      }
      for (const disk of t.disks) {
        for (const [field, family] of Object.entries(storage)) {
          family.inc({ ...labels, drive: disk.name }, disk[field as keyof typeof storage]);
        }
      }
      balloon.set(labels, t.balloonBytes);
    };

    new Gauge({
      name: 'v3_vm_state',
      help: '1 for the state that the VM is in',
      labelNames: [...vm, 'state'],
      registers,
      collect() {
        this.reset();
        for (const { name, state } of fleet.all().map(brief)) {
          for (const each of vmStates) this.set({ vm: name, state: each }, each === state ? 1 : 0);
        }
      },
    });
    new Gauge({
      name: 'v3_vm_info',
      help: 'What a VM is',
      labelNames: [...vm, 'id', 'image'],
      registers,
      collect() {
        this.reset();
        for (const { id, name, definition } of fleet.all()) {
          this.set({ vm: name, id, image: definition.image }, 1);
        }
      },
    });
    new Gauge({
      name: 'v3_vm_epoch',
      help: 'Epoch under which this host has the VM: it grows with each change of its owner',
      labelNames: vm,
      registers,
      collect() {
        this.reset();
        for (const { name, definition } of fleet.all()) this.set({ vm: name }, definition.epoch);
      },
    });
    new Gauge({
      name: 'v3_vm_memory_bytes',
      help: 'Memory that the guest has; 0 while it has no machine',
      labelNames: vm,
      registers,
      collect() {
        this.reset();
        for (const { name, machine, definition } of fleet.all()) {
          this.set({ vm: name }, machine ? definition.memoryMiB * 1024 * 1024 : 0);
        }
      },
    });
  }

  #overlay(registers: Registry[]): void {
    const { core } = this.options.overlay;
    const plain = (name: string, help: string, value: () => number) =>
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(value());
        },
      });
    const { counters } = core;
    plain('v3_overlay_receive_frames_total', 'Frames into the forwarding core', () => counters.rx);
    plain('v3_overlay_receive_bytes_total', 'Bytes into the forwarding core', () => counters.rxBytes);
    plain('v3_overlay_transmit_frames_total', 'Frames out of the forwarding core', () => counters.tx);
    plain('v3_overlay_transmit_bytes_total', 'Bytes out of the forwarding core', () => counters.txBytes);
    plain('v3_overlay_route_cache_hits_total', 'Frames whose route was cached', () => counters.hits);
    plain('v3_overlay_route_cache_misses_total', 'Frames sent to the router', () => counters.misses);
    new Counter({
      name: 'v3_overlay_frames_dropped_total',
      help: 'Frames dropped by the forwarding core',
      labelNames: ['reason'],
      registers,
      collect() {
        this.reset();
        for (const [reason, count] of Object.entries(counters.dropped)) this.inc({ reason }, count);
      },
    });
  }
}

const brief = (vm: Vm) => ({ name: vm.name, state: vm.status().state });

/** The work, shared by all who ask for it while it is under way. */
export function whileUnderWay(work: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | undefined;
  return () => (current ??= work().finally(() => (current = undefined)));
}

async function telemetryOf(vm: Vm): Promise<Telemetry | undefined> {
  if (!vm.machine) return undefined;
  const late = { code: 'TIMEOUT', detail: 'no telemetry in time' } as const;
  return within(TELEMETRY_MS, vm.machine.telemetry(), late).catch((_: V3Error) => undefined);
}
