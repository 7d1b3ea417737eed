/**
 * Who may run a VM that moves. Two rows of states, one for each end; the only thing both look at is the row
 * `vm(owner_host, epoch)` in Postgres, and the only step that decides is a compare-and-swap of it:
 *
 *     swap      (source, e) → (target, e+1)   by the target, when it has all that the guest is
 *     reclaim   (source, e) → (source, e+1)   by the source, when it can't know whether the target has swapped
 *     fence     (host, e)   → (host, e+1)     by a Palacios that starts, for each of its VMs
 *
 * Each of them makes the two others fail. A guest runs here only
 * - at the source: before `complete` was asked, or after a reclaim that succeeded;
 * - at the target: after a swap that succeeded;
 * - in a new incarnation: after its fence.
 *
 * | source | does | done | failed |
 * |---|---|---|---|
 * | preparing | asks the target to reserve and to make a machine | copying | here |
 * | copying | rounds of pages; the guest runs | stopping | here |
 * | stopping | guest stands still; last pages, device state | switching | here |
 * | switching | asks the target to `complete`; guest stands still | there | doubt |
 * | doubt | reclaims; asks again for as long as the store does not answer | | ours → here, theirs → there |
 * | here | guest goes on, under the new epoch if it was reclaimed; the target is told to abandon | | |
 * | there | the machine is discarded | | |
 *
 * | target | does | done | failed |
 * |---|---|---|---|
 * | waiting | takes pages; `complete` leads on; `abandon`, or 30 s of silence, to the end | loading | gone |
 * | loading | puts the device state in; `abandon` is heeded afterwards | swapping | gone |
 * | swapping | swaps; asks again for as long as the store does not answer | | ours → owner, theirs → gone |
 * | owner | guest runs; what fails from here on is the VM's own to report | | |
 * | gone | everything is freed | | |
 *
 * A message that is lost is a failure of what waits for it. One that is repeated finds the same migration in the same or
 * a later state and is answered alike. One that is late finds no migration, or the row at another epoch.
 * `handover.spec.ts` runs every crash of every party at every step, and every message lost, repeated and late;
 * `handover.soak.spec.ts` all of them together.
 */
import { V3Error } from '@v3vee/contracts';
import type { VmDefinition, VmRepository } from '@v3vee/store';

export type SourceState = 'preparing' | 'copying' | 'stopping' | 'switching' | 'doubt' | 'here' | 'there';
export type TargetState = 'waiting' | 'loading' | 'swapping' | 'owner' | 'gone';

const SOURCE: Record<'preparing' | 'copying' | 'stopping' | 'switching', SourceMoves> = {
  preparing: { done: 'copying', failed: 'here' },
  copying: { done: 'stopping', failed: 'here' },
  stopping: { done: 'switching', failed: 'here' },
  switching: { done: 'there', failed: 'doubt' },
};
interface SourceMoves {
  done: Exclude<SourceState, 'preparing' | 'doubt' | 'here'>;
  failed: 'here' | 'doubt';
}

/** One step of an end: fails with why, and has then left nothing behind that goes on. */
type Step = () => Promise<void>;

export interface SourceSteps extends Record<keyof typeof SOURCE, Step> {
  /** Makes the VM this host's own under a new epoch. @returns null: it is another's, for good. @throws the store is away */
  reclaim(): Promise<VmDefinition | null>;
  /** Between two attempts; false: give up and leave it to the next incarnation. */
  again(): Promise<boolean>;
  /** Told of each state that is entered. */
  entered(state: SourceState, why?: V3Error): void;
}

/** How it ended at the source: the guest is here (as it was, or reclaimed), or there, or nobody here can know. */
export type SourceEnd =
  | { at: 'here'; why: V3Error; reclaimed: VmDefinition | undefined }
  | { at: 'there' }
  | { at: 'unknown'; why: V3Error };

/** Never fails, and never returns while it is unknown who owns the VM unless `again` says so. */
export async function handOver(steps: SourceSteps): Promise<SourceEnd> {
  let state: keyof typeof SOURCE = 'preparing';
  for (;;) {
    steps.entered(state);
    try {
      await steps[state]();
    } catch (thrown) {
      const why = V3Error.from(thrown);
      return SOURCE[state].failed === 'here' ? ended(steps, why) : settle(steps, why);
    }
    const next: SourceMoves['done'] = SOURCE[state].done;
    if (next === 'there') {
      steps.entered('there');
      return { at: 'there' };
    }
    state = next;
  }
}

function ended(steps: SourceSteps, why: V3Error, reclaimed?: VmDefinition): SourceEnd {
  steps.entered('here', why);
  return { at: 'here', why, reclaimed };
}

async function settle(steps: SourceSteps, why: V3Error): Promise<SourceEnd> {
  do {
    steps.entered('doubt', why);
    try {
      const ours = await steps.reclaim();
      if (ours) return ended(steps, why, ours);
      steps.entered('there');
      return { at: 'there' };
    } catch {
      // Away: neither runs it until the store can be asked.
    }
  } while (await steps.again());
  return { at: 'unknown', why };
}

export interface TargetSteps {
  loading: Step;
  /** @returns null: the VM is at that epoch no more. @throws V3Error what the store refuses; anything else: it is away */
  swap(): Promise<VmDefinition | null>;
  again(): Promise<boolean>;
  entered(state: TargetState): void;
}

/** Once `complete` was asked. @throws why it is gone; then nothing of it may run here */
export async function takeOver(steps: TargetSteps): Promise<VmDefinition> {
  try {
    steps.entered('loading');
    await steps.loading();
    steps.entered('swapping');
    for (;;) {
      const ours = await attempt(() => steps.swap());
      if (ours) {
        steps.entered('owner');
        return ours;
      }
      if (ours === null) {
        throw new V3Error(
          'MIGRATION_FAILED',
          'the VM was taken back, or changed, before it could be handed over',
        );
      }
      if (!(await steps.again())) throw new V3Error('SERVICE_UNAVAILABLE', 'the store did not answer');
    }
  } catch (thrown) {
    steps.entered('gone');
    throw thrown;
  }
}

/** Undefined: the store did not say. @throws V3Error what it refused, which changed nothing */
async function attempt(swap: () => Promise<VmDefinition | null>): Promise<VmDefinition | null | undefined> {
  try {
    return await swap();
  } catch (thrown) {
    if (thrown instanceof V3Error && REFUSALS.has(thrown.code)) throw thrown;
    return undefined;
  }
}
const REFUSALS = new Set(['DEVICE_MISMATCH', 'DEVICE_IN_USE', 'HOST_NOT_FOUND', 'VM_NOT_FOUND']);

/**
 * Makes `to` the owner unless the row is at another epoch. An answer may have been lost, so a row that says what it was
 * to say counts as ours: nobody but `to` writes that.
 */
export async function swapOwner(
  vms: Pick<VmRepository, 'swapOwner' | 'get'>,
  id: string,
  swap: { from: string; epoch: number; to: string },
  cards?: ReadonlyMap<number, string>,
  known?: VmDefinition,
): Promise<VmDefinition | null> {
  const swapped = await vms.swapOwner(id, swap, cards, undefined, known);
  if (swapped) return swapped;
  const now = await vms.get(id);
  return now && now.ownerHost === swap.to && now.epoch === swap.epoch + 1 ? now : null;
}
