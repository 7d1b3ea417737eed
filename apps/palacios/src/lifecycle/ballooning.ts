import { V3Error, type Balloon } from '@v3vee/contracts';
import type { HostResources, Machine } from './ports';

/** A guest gives back what it can within seconds, or not at all. */
const GIVE_MS = 20_000;
const LOOK_MS = 50;
const MIB = 1 << 20;

export interface BallooningVm {
  id: string;
  name: string;
  memoryMiB: number;
}

/**
 * Moves memory between a guest and its host. What the guest has given back the host gets, in whole MiB; before the guest
 * takes any back, the host must have it.
 * @throws V3Error VM_WRONG_STATE no balloon, HOST_MEMORY_EXHAUSTED, TIMEOUT the guest does not give so much
 */
export async function balloonTo(
  memoryMiB: number,
  vm: BallooningVm,
  machine: Pick<Machine, 'balloon' | 'balloonBytes'>,
  resources: Pick<HostResources, 'resize'>,
): Promise<Balloon> {
  const { name, memoryMiB: whole } = vm;
  if (memoryMiB > whole) {
    throw new V3Error(
      'INVALID_REQUEST',
      `VM ${name} has ${whole} MiB by its definition; a balloon gives it no more`,
    );
  }
  const wanted = (whole - memoryMiB) * MIB;
  const before = await machine.balloonBytes();
  const held = (given: number) => Math.ceil((whole * MIB - given) / MIB);
  // Asked for first: a guest that is told takes its pages back at once.
  if (wanted < before) await resources.resize(vm.id, memoryMiB);
  await machine.balloon(wanted);
  const given = await settled(machine, wanted);
  const hostMiB = held(Math.min(given, wanted));
  await resources.resize(vm.id, hostMiB);
  if (given === wanted)
    return { vm: name, memoryMiB: whole, targetMiB: memoryMiB, hostMiB, balloonBytes: given };
  // It must not go on in a while, when nobody counts any more.
  await machine.balloon(given);
  throw new V3Error(
    'TIMEOUT',
    `the guest of VM ${name} gave back ${(given / MIB).toFixed(1)} of ${wanted / MIB} MiB and no more; its host has ` +
      `them: does it run the driver virtio_balloon, and has it so much to spare?`,
  );
}

/** What the guest has given when it has done as it was told, or time is over. */
async function settled(machine: Pick<Machine, 'balloonBytes'>, wanted: number): Promise<number> {
  const end = performance.now() + GIVE_MS;
  for (;;) {
    const given = await machine.balloonBytes();
    if (given === wanted || performance.now() > end) return given;
    await new Promise(resolve => setTimeout(resolve, LOOK_MS));
  }
}
