import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { labOutcome, labProgress, V3Error, type LabProgress, type LabRunDetail } from '@v3vee/contracts';

/** More is no result of a lab. */
const MAX_OUTPUT = 16 * 1024 ** 2;
const MAX_DETAIL = 500;
/** Of what it says beside its progress, so many lines are its last words. */
const WORDS = 8;
/** What labs may know of our environment's own variables: where packages are. */
const SHARED = ['V3_CACHE_DIR', 'V3_DEBIAN_MIRROR'];

export interface LabOrder {
  /** The command line's compiled entry. */
  program: string;
  lab: string;
  runs: number | null;
  /** File that it draws into. */
  svg: string;
  /** Its TMPDIR. */
  folder: string;
  onProgress: (progress: LabProgress) => void;
}

/**
 * `v3 lab NAME` as a child that leads a process group of its own. It takes the loss of its channel to us as its order
 * to stop, so that it does not outlive us.
 */
export class LabProcess {
  /** When it and its group have ended. @throws V3Error PROCESS_FAILED with what it said last */
  readonly results: Promise<LabRunDetail['rows']>;
  private readonly child: ChildProcess;
  private readonly words: string[] = [];

  constructor({ program, lab, runs, svg, folder, onProgress }: LabOrder) {
    const args = ['lab', lab, '--json', '--progress', 'json', '--svg', svg];
    if (runs !== null) args.push('--runs', String(runs));
    this.child = spawn(process.execPath, [program, ...args], {
      env: labEnvironment(folder),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    this.results = this.follow(onProgress);
  }

  /** Once in order; whoever takes longer than that is killed, with its group. */
  stop(graceMs: number): void {
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), graceMs);
    this.child.once('close', () => clearTimeout(timer));
  }

  private async follow(onProgress: (progress: LabProgress) => void): Promise<LabRunDetail['rows']> {
    const { stdout, stderr } = this.child;
    let output = '';
    stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (output.length < MAX_OUTPUT) output += text;
    });
    if (stderr) createInterface({ input: stderr }).on('line', line => this.hear(line, onProgress));
    const how = await new Promise<string>(resolve => {
      this.child.on('error', error => resolve(`it cannot be started: ${error.message}`));
      // Not `close`: what a lab leaves behind may hold its pipes open.
      this.child.on('exit', (code, signal) => {
        this.kill();
        const text = code === 0 ? '' : signal ? `ended by ${signal}` : `exit code ${code}`;
        this.child.on('close', () => resolve(text));
      });
    });
    if (how !== '') throw failed([how, ...this.words].join('\n'));
    return readOutcome(output);
  }

  private hear(line: string, onProgress: (progress: LabProgress) => void): void {
    const progress = readProgress(line);
    if (progress) return onProgress({ ...progress, detail: progress.detail.slice(0, MAX_DETAIL) });
    this.words.push(line.slice(0, MAX_DETAIL));
    if (this.words.length > WORDS) this.words.shift();
  }

  /** With all of its group that is left. */
  private kill(): void {
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, 'SIGKILL');
    } catch {
      // none is left
    }
  }
}

/** Ours without what tells a service where its cluster is: a lab has clusters of its own, with all that belongs to them. */
function labEnvironment(folder: string): NodeJS.ProcessEnv {
  const own = (name: string) => name.startsWith('V3_') || name === 'NATS_URL' || name === 'DATABASE_URL';
  const rest = Object.entries(process.env).filter(([name]) => !own(name) || SHARED.includes(name));
  return { ...Object.fromEntries(rest), TMPDIR: folder, NO_COLOR: '1' };
}

function readProgress(line: string): LabProgress | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return labProgress.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

function readOutcome(output: string): LabRunDetail['rows'] {
  try {
    return labOutcome.parse(JSON.parse(output)).results;
  } catch (cause) {
    throw failed('what it printed is no result', cause);
  }
}

const failed = (detail: string, cause?: unknown) => new V3Error('PROCESS_FAILED', detail, { cause });
