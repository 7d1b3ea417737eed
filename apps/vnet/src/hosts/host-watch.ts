import type { Attachment, EdgeAttachment } from '@v3vee/contracts';

export interface HostWatchOptions {
  /** How long a host may be silent, ms. */
  silentMs: number;
  /** How often `check` is called, ms. */
  intervalMs: number;
  /** Puts a host's list in force. */
  attach: (host: string, nics: readonly Attachment[], edges: readonly EdgeAttachment[]) => void;
  onChange?: (host: string, change: 'lost' | 'back') => void;
  /** A monotonic clock, ms. */
  now?: () => number;
}

interface Watched {
  nics: readonly Attachment[];
  edges: readonly EdgeAttachment[];
  /** Undefined: it has no heartbeat, so that its silence means nothing. */
  heardAt: number | undefined;
  incarnation: string | undefined;
  lost: boolean;
}

/**
 * Withdraws what a host has attached when its Palacios falls silent, and puts it back when the same Palacios is
 * heard again; one that was started anew announces its own list.
 */
export class HostWatch {
  private readonly hosts = new Map<string, Watched>();
  private readonly now: () => number;
  private checkedAt: number;

  constructor(private readonly options: HostWatchOptions) {
    this.now = options.now ?? (() => performance.now());
    this.checkedAt = this.now();
  }

  /** A host's full list; it is in force when this returns. */
  announced(host: string, nics: readonly Attachment[], edges: readonly EdgeAttachment[]): void {
    const watched = this.watched(host);
    if (watched.heardAt !== undefined) watched.heardAt = this.now();
    Object.assign(watched, { nics, edges, lost: false });
    this.options.attach(host, nics, edges);
  }

  /** A heartbeat. */
  heard(host: string, incarnation: string): void {
    const watched = this.watched(host);
    const { lost } = watched;
    const same = watched.incarnation === incarnation;
    if (lost && !same) Object.assign(watched, { nics: [], edges: [] });
    Object.assign(watched, { heardAt: this.now(), incarnation, lost: false });
    if (!lost) return;
    this.options.onChange?.(host, 'back');
    this.options.attach(host, watched.nics, watched.edges);
  }

  /** To be called every `intervalMs`. `deaf`: heartbeats could not reach us, so that silence means nothing. */
  check(deaf: boolean): void {
    const { silentMs, intervalMs, onChange, attach } = this.options;
    const now = this.now();
    // Nor does it when this process stood still itself.
    const late = now - this.checkedAt > intervalMs + silentMs / 2;
    this.checkedAt = now;
    for (const [host, watched] of this.hosts) {
      if (watched.heardAt === undefined || watched.lost) continue;
      if (deaf || late) watched.heardAt = now;
      if (now - watched.heardAt < silentMs) continue;
      watched.lost = true;
      onChange?.(host, 'lost');
      attach(host, [], []);
    }
  }

  private watched(host: string): Watched {
    let watched = this.hosts.get(host);
    if (!watched) {
      watched = { nics: [], edges: [], heardAt: undefined, incarnation: undefined, lost: false };
      this.hosts.set(host, watched);
    }
    return watched;
  }
}
