import type { LabProgress } from '@v3vee/contracts';
import type { Plot } from './plot';
import type { LabResult, LabRow } from './result';

export interface LabContext {
  /** Repetitions of each measurement; a lab may lower it for what takes very long. */
  runs: number;
  /** Begins one of the lab's steps, which are named in their order. */
  step<const Steps extends readonly string[]>(steps: Steps, name: Steps[number]): void;
  /** Tells a person what is under way in the step. */
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
  /** What was published of it, in words. */
  claims: readonly string[];
  /** About how long it takes with the default runs, on a quiet machine of two cores. */
  minutes: number;
  defaultRuns: number;
  run(context: LabContext): Promise<LabRow[]>;
}

export async function runLab(
  lab: Lab,
  options: { runs?: number; progress: (progress: LabProgress) => void; signal: AbortSignal },
): Promise<LabResult> {
  const cleanups: (() => Promise<void> | void)[] = [];
  const plots: Plot[] = [];
  let step: Omit<LabProgress, 'detail'> = { step: 'starting', number: 0, of: 0 };
  const progress = (detail: string) => options.progress({ ...step, detail });
  try {
    const results = await lab.run({
      runs: options.runs ?? lab.defaultRuns,
      step(steps, name) {
        step = { step: name, number: steps.indexOf(name) + 1, of: steps.length };
        progress('');
      },
      progress,
      signal: options.signal,
      plot: plot => plots.push(plot),
      cleanup: action => cleanups.push(action),
    });
    return { lab: lab.name, results, ...(plots.length > 0 && { plots }) };
  } finally {
    progress('stopping what was started');
    for (const action of cleanups.reverse()) {
      try {
        await action();
      } catch (error) {
        progress(`clean-up: ${(error as Error).message}`);
      }
    }
  }
}
