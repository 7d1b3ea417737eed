import {
  DeviceOptionError,
  type BackEnds,
  type DeviceClasses,
  type DeviceInit,
  type FrontEnds,
  type PairKind,
} from './device-class';

/** The device classes that a machine can be made of. */
export class DeviceRegistry implements DeviceClasses {
  private readonly classes = new Map<string, DeviceInit>();

  registerDevice(name: string, init: DeviceInit): void {
    if (this.classes.has(name)) throw new Error(`there are two device classes named ${name}`);
    this.classes.set(name, init);
  }

  get names(): string[] {
    return [...this.classes.keys()].sort();
  }

  /** @throws DeviceOptionError there is no such class */
  init(name: string, id: string): DeviceInit {
    const init = this.classes.get(name);
    if (init) return init;
    throw new DeviceOptionError(
      id,
      `there is no device class ${name}; classes are: ${this.names.join(', ')}`,
    );
  }
}

interface Half {
  kind: PairKind;
  /** Of the front-end. */
  id: string;
  end: object;
  paired(other: never): void;
}

/** Brings front-ends and back-ends of one VM together, whatever the order in which their devices are made. */
export class Pairing {
  private readonly fronts: Half[] = [];
  private readonly backs: (Half & { of: string })[] = [];

  frontEnd<K extends PairKind>(
    id: string,
    kind: K,
    end: FrontEnds[K],
    paired: (back: BackEnds[K]) => void,
  ): void {
    if (this.fronts.some(front => front.id === id && front.kind === kind))
      throw new DeviceOptionError(id, `it has two ${kind} front-ends`);
    this.fronts.push({ kind, id, end, paired });
  }

  backEnd<K extends PairKind>(
    of: string,
    kind: K,
    id: string,
    end: BackEnds[K],
    paired: (front: FrontEnds[K]) => void,
  ): void {
    this.backs.push({ of, kind, id, end, paired });
  }

  /** All devices are made. A front-end may be without a back-end. @throws DeviceOptionError a back-end that fits nothing */
  connect(): void {
    const taken = new Set<Half>();
    for (const back of this.backs) {
      const front = this.fronts.find(({ id, kind }) => id === back.id && kind === back.kind);
      if (!front) throw new DeviceOptionError(back.of, `there is no ${back.kind} front-end "${back.id}"`);
      if (taken.has(front))
        throw new DeviceOptionError(back.of, `${back.kind} front-end "${back.id}" has a back-end already`);
      taken.add(front);
      front.paired(back.end as never);
      back.paired(front.end as never);
    }
  }
}
