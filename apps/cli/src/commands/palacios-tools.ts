import { V3Error } from '@v3vee/contracts';
import type { Command } from 'commander';
import { examples } from '../output';

interface Tool {
  /** What follows the name; `[options]` of ours may follow that. */
  usage: string;
  /** The same in our words; or why it is not to be had. */
  as: ((args: string[]) => string[]) | string;
}

const vm =
  (verb: string) =>
  ([name = '', ...rest]: string[]) => ['vm', verb, name, ...rest];

/** The tools that came with the original, by name; docs/palacios-tools.md has the same table. */
export const palaciosTools: Readonly<Record<string, Tool>> = {
  v3_create: {
    usage: 'FILE.xml VM',
    as: ([file = '', name = '', ...rest]) => ['vm', 'define', file, '--name', name, ...rest],
  },
  v3_launch: { usage: 'VM', as: vm('start') },
  v3_stop: { usage: 'VM', as: vm('stop') },
  v3_pause: { usage: 'VM', as: vm('pause') },
  v3_continue: { usage: 'VM', as: vm('resume') },
  v3_free: { usage: 'VM', as: vm('delete') },
  v3_reset: { usage: 'VM', as: vm('reset') },
  v3_cons: { usage: 'VM', as: vm('console') },
  v3_stream: { usage: 'VM', as: vm('console') },
  v3_mem: { usage: '', as: rest => ['host', 'list', '-o', 'wide', ...rest] },
  v3_save: { usage: 'VM SNAPSHOT', as: vm('snapshot') },
  v3_load: { usage: 'VM SNAPSHOT', as: vm('restore') },
  v3_send: { usage: 'VM HOST', as: vm('migrate') },
  v3_receive: {
    usage: 'VM URL TOKEN_FILE',
    as: ([name = '', url = '', file = '', ...rest]) => [
      ...['vm', 'receive', name, '--from', url, '--token-file', file],
      ...rest,
    ],
  },
  v3_core_move: {
    usage: 'VM VCORE CORE',
    as: ([name = '', vcore = '', ...rest]) => {
      if (vcore !== '0')
        throw new V3Error('USAGE', `a guest has one core, 0; "${vcore}" is none of its cores`);
      return ['vm', 'move-core', name, ...rest];
    },
  },
  v3_mem_move: {
    usage: 'VM REGION NODE',
    as: 'a guest has one region of host memory, and a host one node: there is nowhere to move it to',
  },
  v3_simulate: {
    usage: 'VM MS',
    as: ([name = '', ms = '', ...rest]) => ['vm', 'simulate', name, '--ms', ms, ...rest],
  },
  v3_info: {
    usage: '[--telemetry VM]',
    as: ([first, name = '', ...rest]) =>
      first === '--telemetry'
        ? ['vm', 'exits', name, ...rest]
        : ['vm', 'list', ...(first ? [first, name, ...rest] : ['-o', 'wide'])],
  },
  v3_debug: {
    usage: 'VM CORE COMMAND',
    as: 'the engine does not show a guest’s registers while it runs; "v3 vm stats", "screenshot" and "console" show what it does',
  },
  v3_hypercall: {
    usage: 'VM NUMBER FUNCTION',
    as: 'a hypercall cannot be added while a guest runs; a device class of the operator’s can bring some (docs/palacios.md)',
  },
  v3_guest_mem_access: {
    usage: 'VM ADDRESS LENGTH',
    as: rest => ['vm', 'memory', 'read', ...rest],
  },
  v3_syscall: {
    usage: 'VM …',
    as: 'system calls of a guest are not intercepted; "v3 vm exec" runs a command in it',
  },
  v3_env_inject: {
    usage: 'VM …',
    as: 'nothing is put into processes of a guest; "v3 vm exec VM -- env NAME=VALUE COMMAND" runs one',
  },
  v3_top_inject: {
    usage: 'VM …',
    as: 'no code is put into a guest; "v3 vm exec VM -- top -bn1" shows its processes',
  },
};

/**
 * `v3 v3_launch a1` is `v3 vm start a1`; so is `tools/palacios/v3_launch a1`.
 * @param run carries a command line of ours out
 */
export function palaciosToolCommands(program: Command, run: (args: string[]) => Promise<unknown>): void {
  for (const [name, { usage, as }] of Object.entries(palaciosTools)) {
    const description =
      typeof as === 'string' ? `not to be had: ${as}` : `as in the original: ${name} ${usage}`;
    program
      .command(name, { hidden: true })
      .description(description)
      .argument('[args...]', usage)
      .allowUnknownOption()
      .passThroughOptions()
      .addHelpText('after', examples(`v3 ${name} ${usage}`.trim()))
      .action(async (args: string[]) => {
        if (typeof as === 'string') throw new V3Error('USAGE', `${name}: ${as}`);
        const needed = usage
          .replace(/\[.*\]/, '')
          .split(' ')
          .filter(word => /^[A-Z]/.test(word)).length;
        const given = args.filter(arg => !arg.startsWith('-')).length;
        if (given < needed) throw new V3Error('USAGE', `usage: ${name} ${usage}`);
        await run(as(args));
      });
  }
}
