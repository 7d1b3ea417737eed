import { V3Error, type dmmCalls, type DeniedDma, type IoAccess } from '@v3vee/contracts';
import type { DeviceModel } from '@v3vee/device-models';
import type { z } from 'zod';
import { hooksOf, windowsOf, type CardUse } from '../cards/hooks';

export type ExitAnswer = z.infer<typeof dmmCalls.exit.response>;

/**
 * A guest's use of a card as its host tells it, its state checked by the model.
 * @throws V3Error INVALID_REQUEST that says what is wrong
 */
export function checked({ state, ...use }: CardUse): CardUse {
  const { model } = use;
  try {
    return { ...use, state: model.checkState(state) };
  } catch (cause) {
    const message = (cause as Error).message;
    throw new V3Error('INVALID_REQUEST', `this is not a state of a ${model.model}: ${message}`, {
      cause,
      fields: [{ path: 'state', message }],
    });
  }
}

/**
 * What becomes of an access that the hooked I/O list made an exit.
 * @returns the guest's use of the card afterwards
 * @throws V3Error INVALID_REQUEST if the card has no such registers
 */
export function judge(use: CardUse, access: IoAccess): { use: CardUse; denied?: DeniedDma } {
  requireWithin(use.model, access);
  const { state, denied } = use.model.observe(use.state, access, { memorySize: use.memorySize });
  return { use: { ...use, state }, denied };
}

/** What a host needs to know of a guest's use of its card that is not as it was. */
export function news(use: CardUse): Required<Pick<ExitAnswer, 'state' | 'hooks' | 'windows'>> {
  return { state: use.state as Record<string, unknown>, hooks: hooksOf(use), windows: windowsOf(use) };
}

function requireWithin({ model, windowSize }: DeviceModel, { offset, size, value }: IoAccess): void {
  const message =
    offset + size > windowSize
      ? `a ${model} has ${windowSize} bytes of registers: ${size} at ${offset} are not within`
      : value >= 2 ** (8 * size)
        ? `${value} has more than ${size} bytes`
        : undefined;
  if (message === undefined) return;
  throw new V3Error('INVALID_REQUEST', message, { fields: [{ path: 'access', message }] });
}

/** For people: what a guest's card was about to do. */
export function describeDenied(
  vm: string,
  device: string,
  { register, direction, address, length }: DeniedDma,
): string {
  const act = direction === 'read' ? 'read' : 'write to';
  return (
    `${vm} had ${device} ${act} ${length} bytes of memory at 0x${address.toString(16)} (register ${register}), ` +
    'which are not its own'
  );
}
