import { rtl8139Registers } from '@v3vee/devices';
import { ContextCheck } from '../context-check';
import type { DeviceAtRest, DeviceModel } from '../model';
import { checkContext, restoreContext, saveContext } from './context';
import { windows } from './dma';
import { CR, hooks, observe } from './hooks';
import { describe, registerName } from './names';
import { checkState, initialState, type Rtl8139ModelState, type Rtl8139Variant } from './state';

const { BAR_SIZE, Cpcr, Cr, Desc, DESC_LENGTH, Eecr, Reg, RING_MAX, Tsd } = rtl8139Registers;
const CS = 0x08;

/**
 * The model of an RTL8139C (Linux's 8139too) or C+ (8139cp): they master the bus, so that where a DMA may go is what
 * the model is about.
 *
 * C mode: four transmit buffers and one receive buffer, whose addresses are in registers. Their windows are checked
 * when one of the registers changes; while all that TSD can ask for is known to lie in memory, it stays unhooked.
 *
 * C+ mode: the descriptors lie in the guest's memory, and change without any I/O. No model that sees I/O alone can vouch
 * for the addresses in them: the rings are checked when they are set, the rest is confined by the host's DMA guard
 * (`BusMaster`'s `guard`) as an IOMMU would do it. A ring must have room for 64 descriptors in memory, however many it
 * has.
 */
export function rtl8139Model(variant: Rtl8139Variant): DeviceModel<Rtl8139ModelState> {
  return {
    model: variant,
    windowSize: BAR_SIZE,
    interrupts: { status: { offset: Reg.imr + 2, size: 2, page: 0 } },

    initialState,
    checkState: value => checkState(new ContextCheck(variant), value),

    hooks: state => hooks(state, variant),
    windows,
    observe: (state, access, guest) => observe(state, access, guest, variant),

    page: () => 0,
    interruptMask: registers => registers.read(Reg.imr, 2),
    reusable: device => reusable(device, variant),
    save: (device, notes, state) => saveContext(device, variant, notes, state),
    restore: (device, context) => restoreContext(device, context, variant),
    checkContext: value => checkContext(value, variant),

    registerName: access => registerName(access, variant),
    describe: access => describe(access, variant),
  };
}

/** The receive buffer or ring need not be empty: the position in it is part of the context. */
function reusable({ registers, memory }: DeviceAtRest, variant: Rtl8139Variant): true | string {
  const eecr = registers.read(Reg.config, 1);
  if ((eecr & Eecr.modeMask) === Eecr.program && eecr & CS) return 'the EEPROM is being accessed';
  if (!(registers.read(CR, 1) & Cr.transmit)) return true;
  const cpcr = variant === 'rtl8139c+' ? registers.read(Reg.cpcr, 2) : 0;
  if (cpcr & Cpcr.transmit) {
    for (const at of [Reg.tnpds, Reg.thpds]) {
      const base = registers.read(at, 4) + registers.read(at + 4, 4) * 2 ** 32;
      if (base !== 0 && ringHasWork(memory.view(), base)) return 'a transmit ring is not empty';
    }
    return true;
  }
  for (let n = cpcr & Cpcr.receive ? 2 : 0; n < 4; n++) {
    if (!(registers.read(Reg.tsd0 + 4 * n, 4) & Tsd.own)) return `transmit descriptor ${n} waits`;
  }
  return true;
}

/**
 * Whether a ring has a descriptor that is the card's. TPPoll does not tell whether the card is at it still, but then
 * there are some. A ring at 0 is none: 8139cp puts the high priority ring there, where BIOS has its vectors.
 */
function ringHasWork(memory: DataView, base: number): boolean {
  for (let i = 0; i < RING_MAX && base + DESC_LENGTH * (i + 1) <= memory.byteLength; i++) {
    const opts1 = memory.getUint32(base + DESC_LENGTH * i, true);
    if (opts1 & Desc.own) return true;
    if (opts1 & Desc.endOfRing) return false;
  }
  return false;
}
