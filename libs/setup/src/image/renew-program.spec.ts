import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineI386, readElf } from './elf';
import { renewProgram } from './renew-program';

const folder = mkdtempSync(join(tmpdir(), 'v3-renew-'));
const program = join(folder, 'renew');
writeFileSync(program, renewProgram(), { mode: 0o755 });
afterAll(() => rmSync(folder, { recursive: true }));

const run = (input: string) => spawnSync(program, { input, encoding: 'utf8' });
/** Not on arm64, macOS, or a kernel without 32-bit programs; in guests it runs for real. */
const onThisMachine = run('').error ? it.skip : it;

describe('the guest program renew', () => {
  it('is a static i386 program whose stack is not executable', () => {
    const { bits, machine, segments, entry } = readElf(renewProgram());
    expect({ bits, machine }).toEqual({ bits: 32, machine: machineI386 });
    expect(segments.map(({ type }) => type)).toEqual([1, 0x6474e551]);
    expect(entry).toBeGreaterThan(0x08048000);
  });

  onThisMachine(
    'answers every line, leaves clock and pool alone when told so, says when a call fails',
    () => {
      expect(run('0 0 0 text\n')).toMatchObject({ status: 0, stdout: '0\n' });
      // More than a second of nanoseconds: clock_settime refuses it, so this machine's clock stays as it is.
      expect(run('1 4000000000 0 text\n')).toMatchObject({ status: 0, stdout: '1\n' });
      expect(run('')).toMatchObject({ status: 0, stdout: '' });
    },
  );
});
