import type { DeniedDma, HookRule, IoAccess } from '@v3vee/contracts';
import { rtl8139Registers } from '@v3vee/devices';
import type { GuestBounds, Observation } from '../model';
import { dumpViolation, violation } from './dma';
import {
  inPlusMode,
  partsOf,
  TRANSMIT_REACH,
  written,
  type Rtl8139ModelState,
  type Rtl8139Variant,
} from './state';

const { Eecr, Reg } = rtl8139Registers;

/** Byte 3 of its double word. */
export const CR = Reg.cr + 3;

const exit = (register: string, offset: number, length: number, why: string): HookRule => ({
  ...{ direction: 'write', offset, length, class: 'exit', register, why },
});

/**
 * The hooked I/O list. What stays hooked is written when a driver starts: in the steady state of 8139too, TSD is open
 * and nothing is left; 8139cp's TPPoll never was hooked.
 */
export function hooks(state: Rtl8139ModelState, variant: Rtl8139Variant): HookRule[] {
  const plus = variant === 'rtl8139c+';
  const plusMode = inPlusMode(state);
  const rules: HookRule[] = [
    exit('CR', CR, 1, 'starts and stops DMA; a reset closes all windows'),
    exit('RBSTART', Reg.rbstart, 4, 'where received packets go'),
    exit('RCR', Reg.rcr, 2, 'how long the receive buffer is'),
    {
      ...{ direction: 'write', offset: Reg.config, length: 1, class: 'shadow', register: '9346CR' },
      when: { mask: Eecr.modeMask, equals: [Eecr.program] },
      why: 'the EEPROM is the host’s: what a guest writes there is undone',
    },
  ];
  for (let n = 0; n < 4; n++) {
    rules.push(
      exit(`TSAD${n}`, Reg.tsad0 + 4 * n, 4, plus ? 'what is sent, or a ring of C+ mode' : 'what is sent'),
    );
    const { waiting } = state.slots[n]!;
    const isOpen = state.verified && waiting === TRANSMIT_REACH;
    if (!isOpen && !(plusMode && n < 2)) {
      rules.push(
        exit(`TSD${n}`, Reg.tsd0 + 4 * n, 4, `no window of TSAD${n} is known to hold all that it can send`),
      );
    }
  }
  if (plusMode) rules.push(exit('DTCCR', Reg.dtccr, 8, 'dumps the statistics into memory'));
  if (plus) {
    rules.push(exit('CPCR', Reg.cpcr, 2, 'switches C+ mode'));
    rules.push(exit('RDSAR', Reg.rdsar, 8, 'where the ring of received packets is'));
  }
  return rules;
}

/**
 * What an access leads to. It is denied if, after it, a unit that is on could reach beyond the guest's memory by what
 * the registers say, whichever of them was written last: no order of steps gets there.
 */
export function observe(
  state: Rtl8139ModelState,
  access: IoAccess,
  guest: GuestBounds,
  variant: Rtl8139Variant,
): Observation<Rtl8139ModelState> {
  if (access.direction === 'read') return { state };
  let next: Rtl8139ModelState = { ...state, verified: true };
  for (const part of partsOf(access)) {
    next = written(next, part, variant, guest.memorySize);
    const denied: DeniedDma | undefined = violation(next, guest) ?? dumpViolation(next, part, guest);
    if (denied) return { state, denied };
  }
  return { state: next };
}
