import { V3Error, type Vm } from '@v3vee/contracts';
import type { Client } from './client';
import { pause } from './pause';

export const vmConditions = ['running', 'stopped', 'paused', 'agent', 'ip'] as const;
export type VmCondition = (typeof vmConditions)[number];

/** Whether a VM is what `condition` says. `ip`: the running guest has an address on one of its NICs. */
export function vmIs(vm: Vm, condition: VmCondition): boolean {
  switch (condition) {
    case 'agent':
      return vm.state === 'RUNNING' && vm.agent;
    case 'ip':
      return vm.state === 'RUNNING' && vm.agent && vm.nics.some(nic => nic.ips.length > 0);
    default:
      return vm.state === condition.toUpperCase();
  }
}

/**
 * Waits for a condition of a VM.
 * @throws V3Error TIMEOUT, saying what the VM is instead
 */
export async function waitForVm(
  client: Client,
  name: string,
  condition: VmCondition,
  options: { timeoutMs?: number; signal?: AbortSignal; onProgress?: (text: string) => void } = {},
): Promise<Vm> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const end = Date.now() + timeoutMs;
  for (let rest = 50; ; rest = Math.min(rest * 1.5, 500)) {
    const vm = await look(client, name, condition, options.signal);
    if (vmIs(vm, condition)) return vm;
    const now = describe(vm);
    if (Date.now() + rest > end) {
      throw new V3Error('TIMEOUT', `${name} is not "${condition}" after ${timeoutMs / 1000} s; it is ${now}`);
    }
    options.onProgress?.(`${name} is ${now}`);
    await pause(rest, options.signal);
  }
}

async function look(client: Client, vm: string, condition: VmCondition, signal?: AbortSignal): Promise<Vm> {
  const seen = await client.call('getVm', { vm }, { signal });
  // Addresses are known to the agent alone, and nobody announces them.
  return condition === 'ip' && seen.state === 'RUNNING' && seen.agent
    ? client.call('refreshVm', { vm }, { signal })
    : seen;
}

function describe(vm: Vm): string {
  const agent = vm.state === 'RUNNING' && !vm.agent ? ', its agent does not answer yet' : '';
  return `${vm.state}${vm.reason ? ` (${vm.reason})` : ''}${agent}`;
}
