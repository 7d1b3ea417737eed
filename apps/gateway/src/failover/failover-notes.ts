import { Injectable } from '@nestjs/common';

/** Why a VM whose host is lost has not been started elsewhere, by its id. */
@Injectable()
export class FailoverNotes {
  private readonly notes = new Map<string, string>();

  get(vmId: string): string | undefined {
    return this.notes.get(vmId);
  }

  /** Those of this look take the place of all others. */
  replace(notes: ReadonlyMap<string, string>): void {
    this.notes.clear();
    for (const [vmId, note] of notes) this.notes.set(vmId, note);
  }
}
