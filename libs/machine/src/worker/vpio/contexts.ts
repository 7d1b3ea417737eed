import type { DeviceAtRest, DeviceContext, DeviceModel } from '@v3vee/device-models';
import type { GuestMemory } from '@v3vee/devices';
import type { Card } from '../cards';
import type { ModelState } from './messages';
import { VirtualRegisters } from './virtual-registers';

/** The two halves of a context switch, and what the VMM keeps of registers that the card does not show or take. */
export class Contexts {
  /** What the guest left in the card when it last had it; null: nothing, it never used one. */
  context: DeviceContext | null = null;
  virtual = new VirtualRegisters();
  readonly atRest: DeviceAtRest;
  /** The VMM works on the card itself: its interrupts mean nothing, and it may reach the guest's memory. */
  underWay = false;
  private notes: Record<number, number> = {};

  constructor(
    private readonly model: DeviceModel,
    private readonly silicon: Card,
    memory: GuestMemory,
  ) {
    this.atRest = {
      memory,
      registers: {
        read: (offset, size) => silicon.read(offset, size),
        write: (offset, size, value) => silicon.write(offset, size, value),
      },
    };
  }

  /** A shadow access. */
  note(page: number, offset: number, size: number, value: number): void {
    const at = 256 * page + offset;
    for (let i = 0; i < size; i++) this.notes[at + i] = (value >>> (8 * i)) & 0xff;
  }

  /** What the guest has in the card is its context from now on. @returns what the model knows */
  save(state: ModelState, mayMaster: boolean): ModelState {
    this.atWork(mayMaster, () => {
      const saved = this.model.save(this.atRest, this.notes, state);
      this.context = { ...saved, virtual: this.virtual.mergedInto(saved.virtual) };
    });
    this.notes = {};
    return this.context!.state as ModelState;
  }

  /** The card holds the guest's context and nothing else. */
  restore(mac: Uint8Array<ArrayBuffer>, mayMaster: boolean): void {
    this.atWork(mayMaster, () => {
      this.silicon.setMac(mac);
      this.model.restore(this.atRest, this.context);
    });
    this.notes = {};
    this.virtual = new VirtualRegisters(structuredClone(this.context?.virtual ?? []));
  }

  private atWork(mayMaster: boolean, work: () => void): void {
    this.underWay = true;
    this.silicon.setBusMaster?.(true);
    try {
      work();
    } finally {
      this.silicon.setBusMaster?.(mayMaster);
      this.underWay = false;
    }
  }
}
