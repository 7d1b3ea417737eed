import { ne2000Registers } from '@v3vee/devices';
import type { DeviceModel } from '../model';
import { checkContext, restoreContext, saveContext } from './context';
import { checkState, hooks, initialState, observe, type Ne2000ModelState } from './hooks';
import { currentPage, describe, get, placeOf, registerName, select } from './registers';

const { BAR_SIZE, Cr, Isr } = ne2000Registers;

/**
 * The model of the NE2000 with 16 KiB of packet memory, such as the RTL8029AS. Packets go through the data port, by the
 * controller's remote DMA: none of its transfers leaves the card, so that there are no windows and nothing is ever
 * denied. What is left of the model's three questions (WIOV'08, section 3) is when the card is reusable, and what must
 * be noted for a context to be whole: TBCR.
 */
export const ne2000Model: DeviceModel<Ne2000ModelState> = {
  model: 'ne2000',
  windowSize: BAR_SIZE,
  interrupts: { status: { ...placeOf('read', 'ISR'), size: 1 } },

  initialState,
  checkState,

  hooks,
  windows: () => [],
  observe: (state, access) => ({ state: observe(state, access) }),

  page: currentPage,
  /** Without bit 7, which reads as one: what it would stand for, the reset state, is no interrupt. */
  interruptMask(registers) {
    const page = currentPage(registers);
    const mask = get(registers, 'IMR') & ~Isr.reset;
    select(registers, page);
    return mask;
  },
  /**
   * CR tells all: no transmission pending, no remote DMA under way. The receive ring need not be drained: it is part of
   * the context.
   */
  reusable({ registers }) {
    const cr = registers.read(0, 1);
    if (cr & Cr.transmit) return 'a transmission is under way';
    if (!(cr & Cr.remoteDone)) return 'a remote DMA is under way';
    return true;
  },
  save: ({ registers }, notes, state) => saveContext(registers, notes, state),
  restore: ({ registers }, context) => restoreContext(registers, context),
  checkContext,

  registerName,
  describe,
};
