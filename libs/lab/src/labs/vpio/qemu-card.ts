import type { CardModel } from '@v3vee/contracts';
import type { LabContext } from '../../lab';
import { qemuPair } from '../vnet/qemu-pair';
import type { Pair, Station } from '../vnet/station';

/**
 * QEMU's own emulation of the same card with the same driver in the guest. Its RTL8139 says that it is a C+, which
 * 8139too leaves to 8139cp: for the C there is none.
 */
const CARDS: Partial<Record<CardModel, { device: string; modules: readonly string[] }>> = {
  ne2000: { device: 'ne2k_pci', modules: ['8390', 'ne2k-pci'] },
  'rtl8139c+': { device: 'rtl8139', modules: ['mii', '8139cp'] },
};

/** A stream of QEMU's NE2000 was once seen not to end. */
const COMMAND_MS = 60_000;

/** Two guests under QEMU, the first with that card, the second with virtio; undefined where there is no such thing. */
export async function qemuCardPair(
  context: LabContext,
  model: CardModel,
): Promise<{ name: string; pair: Pair } | undefined> {
  const card = CARDS[model];
  if (!card) return undefined;
  context.progress(`${model}: booting two guests under QEMU`);
  const pair = await qemuPair(context, card);
  if (!pair) context.progress('QEMU is not installed: there is no comparison with it');
  if (!pair) return undefined;
  const [client, server] = [bounded(pair.client), bounded(pair.server)];
  return { name: `QEMU TCG, ${card.device}`, pair: { client, server } };
}

/** A station whose commands fail when they take too long. */
export function bounded(station: Station, limitMs = COMMAND_MS): Station {
  const sh = async (command: string): Promise<string> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`${station.name} did not end "${command}" within ${limitMs / 1000} s`);
      timer = setTimeout(() => reject(error), limitMs);
    });
    return Promise.race([station.sh(command), late]).finally(() => clearTimeout(timer));
  };
  return { ...station, sh };
}
