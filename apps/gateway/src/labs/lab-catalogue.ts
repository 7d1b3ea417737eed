import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { lab, V3Error, type LabInfo } from '@v3vee/contracts';
import { z } from 'zod';

const execute = promisify(execFile);
const LIST_MS = 60_000;

/** The labs that the command line has; they don't change while we run. */
export class LabCatalogue {
  private known: Promise<LabInfo[]> | undefined;

  /** @param program the command line's compiled entry */
  constructor(private readonly program: string) {}

  /** @throws V3Error PROCESS_FAILED */
  list(): Promise<LabInfo[]> {
    this.known ??= this.ask().catch(cause => {
      this.known = undefined;
      throw new V3Error('PROCESS_FAILED', 'the command line does not tell which labs there are', { cause });
    });
    return this.known;
  }

  /** @throws V3Error LAB_NOT_FOUND */
  async require(name: string): Promise<LabInfo> {
    const labs = await this.list();
    const found = labs.find(each => each.name === name);
    if (found) return found;
    const names = labs.map(each => each.name).join(', ');
    throw new V3Error('LAB_NOT_FOUND', `there is no lab "${name}"; there are: ${names}`);
  }

  private async ask(): Promise<LabInfo[]> {
    const { stdout } = await execute(process.execPath, [this.program, 'lab', 'list', '--json'], {
      timeout: LIST_MS,
    });
    return z.array(lab).parse(JSON.parse(stdout));
  }
}
