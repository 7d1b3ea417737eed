import {
  initialProgress,
  isMigrationEnd,
  type MigrationPhase,
  type MigrationProgress,
  type MigrationRound,
} from '@v3vee/contracts';

const INTERVAL_MS = 100;

/** How far a migration is. Each change is told, but not more often than ten times a second, and the last one surely. */
export class Progress {
  #now: MigrationProgress;
  #timer: NodeJS.Timeout | undefined;
  #toldAt = -Infinity;

  constructor(
    memoryMiB: number,
    private readonly tell: (progress: MigrationProgress) => void,
  ) {
    this.#now = initialProgress(memoryMiB, 'the target makes room and a machine');
    this.#changed();
  }

  get now(): MigrationProgress {
    return this.#now;
  }
  get ended(): boolean {
    return isMigrationEnd(this.#now.phase);
  }

  enter(phase: MigrationPhase, reason: string, more: Partial<MigrationProgress> = {}): void {
    const at = new Date().toISOString();
    const phases = phase === this.#now.phase ? this.#now.phases : [...this.#now.phases, { phase, at }];
    this.update({ ...more, phase, reason, phases });
  }

  sent(pages: number, bytes: number): void {
    const { pagesSent, bytesSent } = this.#now;
    this.update({ pagesSent: pagesSent + pages, bytesSent: bytesSent + bytes });
  }

  round(round: MigrationRound, predictedDowntimeMs: number | null): void {
    this.update({ rounds: [...this.#now.rounds, round], pagesLeft: round.pages, predictedDowntimeMs });
  }

  update(change: Partial<MigrationProgress>): void {
    this.#now = { ...this.#now, ...change };
    this.#changed();
  }

  #changed(): void {
    const wait = this.ended ? 0 : this.#toldAt + INTERVAL_MS - performance.now();
    if (wait > 0) {
      this.#timer ??= setTimeout(() => this.#tell(), wait);
      return;
    }
    this.#tell();
  }

  #tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#toldAt = performance.now();
    this.tell(this.#now);
  }
}
