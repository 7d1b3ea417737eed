import type { CardModel } from '@v3vee/contracts';
import { modelOf } from '@v3vee/device-models';
import type { DmmContextEntity, DmmContextRepository } from '@v3vee/store';
import { deserialize, serialize } from 'node:v8';
import type { SwitchResponse } from '../cards/switcher';
import { isRefused, WriteBehind } from './write-behind';

/** A card is switched many times a second; of each guest's contexts about one a second is written. */
const EVERY_MS = 1_000;

interface Pending {
  device: string;
  model: CardModel;
  saved: NonNullable<SwitchResponse['saved']>;
  forced: boolean;
  savedAt: Date;
}

export interface ContextWriterOptions {
  repository: Pick<DmmContextRepository, 'save'>;
  /** The database is away: it is tried again. */
  onFailure: (thrown: unknown) => void;
  /** It is no context of this card, or the database does not want it: it is not written. */
  onRefused: (device: string, vmId: string, thrown: unknown) => void;
}

/** Writes down what guests left in cards, behind the switches: the latest of each wins. */
export class ContextWriter {
  /** By device and VM: at most one of each guest. */
  private readonly pending = new Map<string, Pending>();
  private readonly behind: WriteBehind;

  constructor(private readonly options: ContextWriterOptions) {
    this.behind = new WriteBehind({
      ...{ write: () => this.write(), isPending: () => this.waiting > 0 },
      ...{ everyMs: EVERY_MS, onFailure: options.onFailure },
    });
  }

  /** Contexts that are not written yet. */
  get waiting(): number {
    return this.pending.size;
  }

  put(context: Pending): void {
    const key = `${context.device} ${context.saved.vmId}`;
    const known = this.pending.get(key);
    if (known && known.saved.epoch > context.saved.epoch) return;
    this.pending.set(key, context);
    this.behind.wake();
  }

  close(): Promise<void> {
    return this.behind.close();
  }

  private async write(): Promise<void> {
    const { repository, onRefused } = this.options;
    for (const [key, pending] of [...this.pending]) {
      try {
        await repository.save(toEntity(pending));
      } catch (thrown) {
        if (!isRefused(thrown)) throw thrown;
        onRefused(pending.device, pending.saved.vmId, thrown);
      }
      if (this.pending.get(key) === pending) this.pending.delete(key);
    }
  }
}

/** @throws Error if it is no context of this model. What is written is the checked copy, not what came. */
function toEntity({ device, model, saved, forced, savedAt }: Pending): DmmContextEntity {
  const context = modelOf(model).checkContext(deserialize(Buffer.from(saved.context, 'base64')));
  const state = context.state as Record<string, unknown>;
  const { vmId, epoch } = saved;
  return { device, vmId, epoch, forced, state, context: serialize(context), savedAt };
}
