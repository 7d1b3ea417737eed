import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { palaciosToolCommands, palaciosTools } from './palacios-tools';

const root = join(__dirname, '../../../..');

async function run(...args: string[]): Promise<string[]> {
  const ran: string[] = [];
  const program = new Command('v3').exitOverride().enablePositionalOptions();
  palaciosToolCommands(program, async line => void ran.push(...line));
  await program.parseAsync(args, { from: 'user' });
  return ran;
}

describe('a tool of the original', () => {
  it.each([
    ['v3_create linux.xml a1 --host alpha', 'vm define linux.xml --name a1 --host alpha'],
    ['v3_launch a1', 'vm start a1'],
    ['v3_continue a1', 'vm resume a1'],
    ['v3_save a1 before', 'vm snapshot a1 before'],
    ['v3_send a1 beta', 'vm migrate a1 beta'],
    ['v3_core_move a1 0 3', 'vm move-core a1 3'],
    ['v3_simulate a1 250', 'vm simulate a1 --ms 250'],
    ['v3_info', 'vm list -o wide'],
    ['v3_info --telemetry a1 -o json', 'vm exits a1 -o json'],
    ['v3_guest_mem_access a1 0x100000 64', 'vm memory read a1 0x100000 64'],
    ['v3_receive a1 http://192.0.2.7:1 t', 'vm receive a1 --from http://192.0.2.7:1 --token-file t'],
    ['v3_mem', 'host list -o wide'],
  ])('%s is %s', async (line, ours) => {
    expect((await run(...line.split(' '))).join(' ')).toBe(ours);
  });

  it.each([
    ['v3_launch', 'usage: v3_launch VM'],
    ['v3_core_move a1 1 3', 'a guest has one core'],
    ['v3_receive a1', 'usage: v3_receive VM URL TOKEN_FILE'],
    ['v3_hypercall a1 1 f', 'cannot be added while a guest runs'],
  ])('%s says why not', async (line, why) => {
    await expect(run(...line.split(' '))).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(why),
    });
  });
});

it('each is a link, and in the table of the documentation', () => {
  const names = Object.keys(palaciosTools).sort();
  expect(readdirSync(join(root, 'tools/palacios')).sort()).toEqual(names);
  const table = readFileSync(join(root, 'docs/palacios-tools.md'), 'utf8');
  for (const [name, { usage }] of Object.entries(palaciosTools))
    expect(table).toContain(`\`${`${name} ${usage}`.trim()}\``);
  expect(names).toHaveLength(24);
});

it('a link is understood by the launcher', () => {
  const help = execFileSync(join(root, 'tools/palacios/v3_launch'), ['--help'], { encoding: 'utf8' });
  expect(help).toContain('as in the original: v3_launch VM');
}, 120_000);
