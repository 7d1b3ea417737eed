import type { Plot } from './plot';
import type { LabResult, LabRow } from './result';

export interface LabContext {
  /** Repetitions of each measurement; a lab may lower it for what takes very long. */
  runs: number;
  /** Tells a person what is under way. */
  progress(text: string): void;
  /** Keeps how a single run went, to be drawn. */
  plot(plot: Plot): void;
  /** Runs at the end, in reverse order, whatever happens: stop clusters, remove temporary folders. */
  cleanup(action: () => Promise<void> | void): void;
  /** Aborted on Ctrl-C: stop measuring. */
  signal: AbortSignal;
}

export interface Lab {
  name: string;
  /** One line: what is measured against what. */
  summary: string;
  defaultRuns: number;
  run(context: LabContext): Promise<LabRow[]>;
}

export async function runLab(
  lab: Lab,
  options: { runs?: number; progress: (text: string) => void; signal: AbortSignal },
): Promise<LabResult> {
  const cleanups: (() => Promise<void> | void)[] = [];
  const plots: Plot[] = [];
  try {
    const results = await lab.run({
      runs: options.runs ?? lab.defaultRuns,
      progress: options.progress,
      signal: options.signal,
      plot: plot => plots.push(plot),
      cleanup: action => cleanups.push(action),
    });
    return { lab: lab.name, results, ...(plots.length > 0 && { plots }) };
  } finally {
    for (const action of cleanups.reverse()) {
      try {
        await action();
      } catch (error) {
        options.progress(`clean-up: ${(error as Error).message}`);
      }
    }
  }
}
