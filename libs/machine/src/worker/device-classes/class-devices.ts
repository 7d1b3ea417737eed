import {
  DeviceOptionError,
  Pairing,
  VirtioTransport,
  type BalloonControl,
  type ClassDevice,
  type DeviceContext,
  type DeviceRegistry,
  type DeviceSpec,
  type DeviceState,
  type Metrics,
  type PciFunction,
} from '@v3vee/devices';
import type { Engine } from '../../engine/engine';
import { MachineHooks } from '../../engine/hooks';
import { MachineError } from '../../errors';

/** A part of a machine with a state of its own. */
export interface StatefulPart {
  readonly name: string;
  save(): DeviceState;
  restore(state: unknown): void;
  metrics(): Metrics;
}

/** Devices that a VM's definition names by their class, made in order. */
export class ClassDevices {
  readonly parts: StatefulPart[] = [];
  readonly balloon: BalloonControl | undefined;

  /** @throws MachineError INVALID_REQUEST a class is not known, or a device cannot be made as it is defined */
  constructor(engine: Engine, registry: DeviceRegistry, specs: readonly DeviceSpec[]) {
    const pairing = new Pairing();
    let balloon: BalloonControl | undefined;
    try {
      for (const spec of specs) {
        const device = registry.init(spec.class, spec.id)(this.contextOf(spec, engine, pairing));
        this.parts.push(partOf(spec, device));
        balloon ??= device.balloon;
      }
      pairing.connect();
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new MachineError('INVALID_REQUEST', message, { cause });
    }
    this.balloon = balloon;
  }

  private contextOf({ id, options }: DeviceSpec, engine: Engine, pairing: Pairing): DeviceContext {
    return {
      id,
      options,
      hooks: new MachineHooks(engine, id),
      memory: engine.memory,
      now: () => engine.clock.now,
      interruptLine: irq => engine.line(irq),
      plugVirtio: device => {
        const plug = (name: string): PciFunction =>
          engine.pci.plug(line => new VirtioTransport(name, device, engine.memory, line));
        this.parts.push(plug(`${id}/virtio`));
      },
      frontEnd: (kind, front, paired) => pairing.frontEnd(id, kind, front, paired),
      backEnd: (kind, of, back, paired) => pairing.backEnd(id, kind, of, back, paired),
      refuse: reason => {
        throw new DeviceOptionError(id, reason);
      },
    };
  }
}

const partOf = ({ id }: DeviceSpec, device: ClassDevice): StatefulPart => ({
  name: `device/${id}`,
  save: () => device.save(),
  restore: state => device.restore(state),
  metrics: () => device.metrics?.() ?? {},
});
