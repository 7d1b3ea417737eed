import { readFile, writeFile } from 'node:fs/promises';
import { guestAddress, MAX_MEMORY_BYTES, V3Error, type ExitTable, type MemoryMap } from '@v3vee/contracts';
import type { Client } from '@v3vee/client';
import type { Command } from 'commander';
import { bytes, hexDump } from '../hex';
import { examples, print, printJson, withOutput, type OutputFormat } from '../output';
import { interrupted, withClient } from '../session';
import { formatBytes } from '../terminal/quantities';
import { formatTable } from '../terminal/table';

/** How often `-w` asks. */
const WATCH_MS = 1_000;

interface Formatted {
  output: OutputFormat;
}

export function vmExits(vm: Command): void {
  withOutput(vm.command('exits <vm>'))
    .description('its exits to the VMM by kind: how many, what they cost; the ports that it uses most')
    .option('-w, --watch', 'again every second: exits since the last time')
    .addHelpText(
      'after',
      `${examples('v3 vm exits a1', 'v3 vm exits a1 -w', 'v3 vm exits a1 -o json')}

Cost is what handling an exit takes, of the first 64 of each kind and then of one of 16. One µs is 1,000 cycles of the
guest's time stamp counter.`,
    )
    .action((name: string, { output, watch }: Formatted & { watch?: boolean }) =>
      withClient(async client => {
        let before: ExitTable | undefined;
        do {
          const table = await client.call('vmExits', { vm: name });
          if (output === 'json') print(JSON.stringify(table, null, watch ? undefined : 2));
          else print(`${describeExits(table, before)}${watch ? '\n' : ''}`);
          before = table;
        } while (watch && (await again()));
      }),
    );
}

/** @returns false when the user has had enough */
function again(): Promise<boolean> {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(true), WATCH_MS);
    const end = () => {
      clearTimeout(timer);
      resolve(false);
    };
    if (interrupted.aborted) end();
    else interrupted.addEventListener('abort', end, { once: true });
  });
}

/** @param before what has been shown: counts are those since */
export function describeExits(table: ExitTable, before?: ExitTable): string {
  const kinds = Object.entries(table.exits).map(([kind, { count, cost }]) => ({
    kind,
    count: count - (before?.exits[kind]?.count ?? 0),
    cost,
  }));
  const exits = formatTable(
    kinds.sort((a, b) => b.count - a.count),
    [
      { title: 'EXIT', value: ({ kind }) => kind },
      { title: 'COUNT', value: ({ count }) => count },
      { title: 'MEAN', value: ({ cost }) => (cost?.sampled ? `${cost.meanMicros.toFixed(2)} µs` : '') },
      { title: 'P50', value: ({ cost }) => quantile(cost, 0.5) },
      { title: 'P99', value: ({ cost }) => quantile(cost, 0.99) },
    ],
  );
  const ports = formatTable(table.ports, [
    { title: 'PORT', value: ({ port }) => `0x${port.toString(16).padStart(4, '0')}` },
    { title: 'OWNER', value: ({ owner }) => owner },
    { title: 'READS', value: ({ reads }) => reads },
    { title: 'WRITES', value: ({ writes }) => writes },
  ]);
  const { quanta, polls, sleeps, longestSleepMs } = table.yields;
  const yields = `yields: ${quanta} quanta, ${sleeps} sleeps (at most ${longestSleepMs.toFixed(1)} ms), ${polls} polls`;
  const calls = table.hypercalls.filter(({ count }) => count > 0);
  const hypercalls = formatTable(calls, [
    { title: 'HYPERCALL', value: ({ number }) => `0x${number.toString(16)}` },
    { title: 'NAME', value: ({ name }) => name },
    { title: 'COUNT', value: ({ count }) => count },
  ]);
  return [exits, ports, yields, ...(calls.length > 0 ? [hypercalls] : [])].join('\n\n');
}

/** The bucket in which the quantile lies, by its upper end. */
function quantile(cost: ExitTable['exits'][string]['cost'], share: number): string {
  if (!cost?.sampled) return '';
  let seen = 0;
  for (const { upToMicros, count } of cost.histogram) {
    seen += count;
    if (seen >= share * cost.sampled) return upToMicros === null ? '> 1000 µs' : `≤ ${upToMicros} µs`;
  }
  return '';
}

export function vmBalloon(vm: Command): void {
  withOutput(vm.command('balloon <vm> <mib>'))
    .description('how much memory its guest is to have, in MiB; its host gets the rest')
    .addHelpText(
      'after',
      `${examples('v3 vm balloon a1 48', 'v3 vm balloon a1 64', 'v3 vm balloon a1 48 -o json')}

The VM needs a device of class virtio-balloon, and its guest the driver.`,
    )
    .action((name: string, text: string, { output }: Formatted) =>
      withClient(async client => {
        const memoryMiB = whole(text, 'the memory');
        const done = await client.call('balloonVm', { vm: name }, { body: { memoryMiB } });
        if (output === 'json') printJson(done);
        else
          print(
            `vm/${name} has ${done.targetMiB} of its ${done.memoryMiB} MiB; its host holds ${done.hostMiB}`,
          );
      }),
    );
}

export function vmMemory(vm: Command): void {
  const memory = vm.command('memory').description('its memory, from outside; addresses are guest physical');
  withOutput(memory.command('map <vm>'))
    .description('RAM and what overrides it')
    .addHelpText('after', examples('v3 vm memory map a1', 'v3 vm memory map a1 -o json'))
    .action((name: string, { output }: Formatted) =>
      withClient(async client => {
        const map = await client.call('vmMemoryMap', { vm: name });
        if (output === 'json') printJson(map);
        else print(describeMap(map));
      }),
    );
  withOutput(memory.command('read <vm> <address> <length>'))
    .description('print it, or write it to a file')
    .option('--file <path>', 'where to')
    .addHelpText(
      'after',
      examples('v3 vm memory read a1 0x100000 256', 'v3 vm memory read a1 0 64MiB --file a1.ram'),
    )
    .action((name: string, at: string, text: string, { file, output }: Formatted & { file?: string }) =>
      withClient(async client => {
        const [address, length] = [addressOf(at), bytes(text)];
        const data = await readMemory(client, name, address, length);
        if (file !== undefined) {
          await writeFile(file, data);
          print(`${data.length} bytes of vm/${name} written to ${file}`);
        } else if (output === 'json') printJson({ address, data: data.toString('base64') });
        else print(hexDump(data, address));
      }),
    );
  memory
    .command('write <vm> <address> [hex]')
    .description('write bytes, or a file; the guest may run, and finds them between two instructions')
    .option('--file <path>', 'from it')
    .addHelpText(
      'after',
      examples('v3 vm memory write a1 0x100000 7f454c46', 'v3 vm memory write a1 0x100000 --file patch.bin'),
    )
    .action((name: string, at: string, hex: string | undefined, { file }: { file?: string }) =>
      withClient(async client => {
        if ((hex === undefined) === (file === undefined))
          throw new V3Error('USAGE', 'give the bytes in hexadecimal, or --file, and not both');
        const data = file === undefined ? hexOf(hex!) : await readFile(file);
        const address = addressOf(at);
        for (let from = 0; from < data.length; from += MAX_MEMORY_BYTES) {
          const part = data.subarray(from, from + MAX_MEMORY_BYTES).toString('base64');
          await client.call('writeVmMemory', { vm: name }, { body: { address: address + from, data: part } });
        }
        print(`${data.length} bytes written to vm/${name} at 0x${address.toString(16)}`);
      }),
    );
  withOutput(memory.command('hash <vm> [address] [length]'))
    .description('SHA-256 of all of it, or of a part, at one instant')
    .addHelpText('after', examples('v3 vm memory hash a1', 'v3 vm memory hash a1 0x100000 4096'))
    .action((name: string, at: string | undefined, text: string | undefined, { output }: Formatted) =>
      withClient(async client => {
        const query = { address: addressOf(at ?? '0'), length: text === undefined ? undefined : bytes(text) };
        const hash = await client.call('hashVmMemory', { vm: name }, { query });
        if (output === 'json') printJson(hash);
        else print(hash.sha256);
      }),
    );
  withOutput(memory.command('search <vm> <pattern>'))
    .description('where a text is, or bytes that are given as hex:…')
    .option('--limit <n>', 'at most so many places (default: 100)')
    .addHelpText(
      'after',
      examples('v3 vm memory search a1 "Linux version"', 'v3 vm memory search a1 hex:7f454c46'),
    )
    .action((name: string, text: string, { limit, output }: Formatted & { limit?: string }) =>
      withClient(async client => {
        const pattern = (text.startsWith('hex:') ? hexOf(text.slice(4)) : Buffer.from(text)).toString('hex');
        const query = { pattern, limit: limit === undefined ? undefined : whole(limit, '--limit') };
        const found = await client.call('searchVmMemory', { vm: name }, { query });
        if (output === 'json') return printJson(found);
        for (const address of found.addresses) print(`0x${address.toString(16).padStart(8, '0')}`);
        if (found.addresses.length === 0) process.stderr.write('It is nowhere.\n');
        if (found.more) process.stderr.write('There are more places.\n');
      }),
    );
}

async function readMemory(client: Client, vm: string, address: number, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let from = 0; from < length; from += MAX_MEMORY_BYTES) {
    const query = { address: address + from, length: Math.min(MAX_MEMORY_BYTES, length - from) };
    const { data } = await client.call('readVmMemory', { vm }, { query });
    parts.push(Buffer.from(data, 'base64'));
  }
  return Buffer.concat(parts);
}

export function describeMap({ regions, memoryBytes, balloonBytes }: MemoryMap): string {
  const hex = (address: number) => `0x${address.toString(16).padStart(8, '0')}`;
  const table = formatTable(regions, [
    { title: 'START', value: ({ start }) => hex(start) },
    { title: 'END', value: ({ end }) => hex(end - 1) },
    { title: 'SIZE', value: ({ start, end }) => formatBytes(end - start) },
    { title: 'FLAGS', value: ({ flags }) => flags },
    { title: 'KIND', value: ({ kind }) => kind },
    { title: 'NAME', value: ({ name }) => name },
  ]);
  return `${table}\n\nRAM ${formatBytes(memoryBytes)}, of which the guest has given back ${formatBytes(balloonBytes)}`;
}

function addressOf(text: string): number {
  const parsed = guestAddress.safeParse(/^\d+$/.test(text) ? Number(text) : text);
  if (parsed.success) return parsed.data;
  throw new V3Error('USAGE', `"${text}" is not an address; write for example 0x100000`);
}

function hexOf(text: string): Buffer {
  if (/^([0-9a-f]{2})+$/i.test(text)) return Buffer.from(text, 'hex');
  throw new V3Error('USAGE', `"${text}" is not pairs of hexadecimal digits, such as 7f454c46`);
}

function whole(text: string, what: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new V3Error('USAGE', `${what} is a whole number, not "${text}"`);
}
