import type {
  DeviceAccount,
  DmmContext,
  DmmDevice,
  DmmPolicy,
  DmmViolation,
  Durations,
  HookRule,
  RegisterAccount,
} from '@v3vee/contracts';
import { paintState } from './terminal/colour';
import { formatAge, formatBytes, formatHex, formatMilliseconds } from './terminal/quantities';
import type { Column } from './terminal/table';

const state = (text: string) => paintState(text, process.stdout);
const yesNo = (value: boolean): string => (value ? 'yes' : 'no');

export const deviceColumns: Column<DmmDevice>[] = [
  { title: 'NAME', value: device => device.name },
  { title: 'MODEL', value: device => device.model },
  { title: 'NETWORK', value: device => device.network ?? '' },
  { title: 'STATE', value: device => device.state, paint: state },
  { title: 'HOLDER', value: device => device.holder ?? '' },
  { title: 'GUESTS', value: device => device.guests.map(({ vm }) => vm).join(',') },
  { title: 'NEEDED-VMM', value: device => neededVmm(device.account) },
  { title: 'SWITCHES', value: device => device.account?.switches.count ?? '' },
  { title: 'VIOLATIONS', value: device => device.violations },
  { title: 'REASON', value: device => device.reason },
  { title: 'WAITING', value: waiting, wide: true },
  { title: 'FORCED', value: device => device.account?.forced ?? '', wide: true },
  { title: 'CONTEXTS', value: device => device.contexts, wide: true },
];

/** One device, above the tables of its registers and hooks. */
export const deviceFields: Column<DmmDevice>[] = [
  { title: 'NAME', value: device => device.name },
  { title: 'MODEL', value: device => device.model },
  { title: 'NETWORK', value: device => device.network ?? '' },
  { title: 'STATE', value: device => device.state, paint: state },
  { title: 'REASON', value: device => device.reason },
  { title: 'HOLDER', value: device => device.holder ?? '' },
  { title: 'WAITING', value: waiting },
  {
    title: 'GUESTS',
    value: device =>
      device.guests
        .map(({ vm, access, heldMs }) => `${vm} (${access}, had it for ${formatMilliseconds(heldMs)})`)
        .join(', '),
  },
  { title: 'POLICY', value: device => policyWords(device.policy) },
  { title: 'ACCESSES', value: device => accesses(device.account) },
  { title: 'NEEDED-VMM', value: device => neededVmm(device.account) },
  { title: 'EXITS-ALONE', value: device => oneIn(device.account, ({ exit }) => exit) },
  { title: 'EXIT-COST', value: device => spread(device.account?.exits) },
  { title: 'SWITCHES', value: device => spread(device.account?.switches) },
  { title: 'FORCED', value: device => device.account?.forced ?? '' },
  { title: 'INTERRUPTS', value: device => device.account?.interrupts ?? '' },
  { title: 'FRAMES', value: device => frames(device.account) },
  {
    title: 'GUARD',
    value: device => (device.account ? `${device.account.denied} DMA stopped by the host` : ''),
  },
  { title: 'VIOLATIONS', value: device => device.violations },
  { title: 'CONTEXTS', value: device => device.contexts },
];

export const registerColumns: Column<RegisterAccount>[] = [
  { title: 'REGISTER', value: account => account.register },
  { title: 'DIRECTION', value: account => account.direction },
  { title: 'OPEN', value: account => account.open },
  { title: 'SHADOW', value: account => account.shadow },
  { title: 'EXIT', value: account => account.exit },
];

export const hookColumns: Column<HookRule>[] = [
  { title: 'HOOKED', value: hook => hook.register },
  { title: 'DIRECTION', value: hook => hook.direction },
  { title: 'OFFSETS', value: offsets },
  { title: 'CLASS', value: hook => hook.class },
  { title: 'WHEN', value: hook => when(hook.when) },
  { title: 'WHY', value: hook => hook.why },
];

export const policyColumns: Column<DmmPolicy>[] = [
  { title: 'SLICE', value: policy => `${policy.sliceMs} ms` },
  { title: 'REUSABLE', value: policy => `${policy.reusableMs} ms` },
  { title: 'ON-FRAME', value: policy => yesNo(policy.onFrame) },
  { title: 'ON-VIOLATION', value: policy => policy.onViolation },
];

export const contextColumns: Column<DmmContext>[] = [
  { title: 'DEVICE', value: context => context.device },
  { title: 'VM', value: context => context.vm },
  { title: 'EPOCH', value: context => context.epoch },
  { title: 'SIZE', value: context => formatBytes(context.bytes) },
  { title: 'FORCED', value: context => yesNo(context.forced) },
  { title: 'AGE', value: context => formatAge(context.savedAt) },
  { title: 'MODEL', value: context => JSON.stringify(context.model), wide: true },
  { title: 'VM-ID', value: context => context.vmId, wide: true },
];

export const violationColumns: Column<DmmViolation>[] = [
  { title: 'AT', value: violation => violation.at },
  { title: 'DEVICE', value: violation => violation.device },
  { title: 'VM', value: violation => violation.vm },
  { title: 'REGISTER', value: violation => violation.register },
  { title: 'DMA', value: violation => violation.direction },
  { title: 'ADDRESS', value: violation => formatHex(violation.address, 4) },
  { title: 'LENGTH', value: violation => violation.length },
  { title: 'ACTION', value: violation => violation.action },
  { title: 'ID', value: violation => violation.id, wide: true },
  { title: 'VM-ID', value: violation => violation.vmId, wide: true },
];

function waiting(device: DmmDevice): string {
  return device.waiting
    .map(({ vm, why, waitedMs }) => `${vm} (${why}, ${formatMilliseconds(waitedMs)})`)
    .join(', ');
}

function policyWords({ sliceMs, reusableMs, onFrame, onViolation }: DmmPolicy): string {
  return [
    `slice ${sliceMs} ms`,
    `forced after ${reusableMs} ms`,
    `frames ${onFrame ? 'switch' : 'wait'}`,
    `violations ${onViolation}`,
  ].join(', ');
}

function sum(account: DeviceAccount, count: (register: RegisterAccount) => number): number {
  return account.registers.reduce((all, register) => all + count(register), 0);
}
const all = ({ open, shadow, exit }: RegisterAccount): number => open + shadow + exit;

function accesses(account: DeviceAccount | null): string {
  if (!account) return '';
  const of = (key: 'open' | 'shadow' | 'exit') => `${sum(account, register => register[key])} ${key}`;
  return `${sum(account, all)}: ${of('open')}, ${of('shadow')}, ${of('exit')}`;
}

/** The share of accesses that were exits or noted in the VMM. */
const neededVmm = (account: DeviceAccount | null): string =>
  oneIn(account, ({ shadow, exit }) => shadow + exit);

/** `1 in 83`; the papers' measure. */
function oneIn(account: DeviceAccount | null, count: (register: RegisterAccount) => number): string {
  const total = account ? sum(account, all) : 0;
  if (!account || total === 0) return '';
  const share = total / sum(account, count);
  return Number.isFinite(share)
    ? `1 in ${share < 10 ? Number(share.toFixed(1)) : Math.round(share)}`
    : 'none';
}

function spread(durations: Durations | undefined): string {
  if (!durations) return '';
  const { count, p50Ms, p99Ms, maxMs } = durations;
  if (count === 0) return '0';
  const [p50, p99, max] = [p50Ms, p99Ms, maxMs].map(formatMilliseconds);
  return `${count}: p50 ${p50}, p99 ${p99}, max ${max}`;
}

function frames(account: DeviceAccount | null): string {
  if (!account) return '';
  const { received, transmitted, held, dropped, spoofed } = account.frames;
  return (
    `${received} received, ${transmitted} transmitted, ${held} held, ` +
    `${dropped} dropped, ${spoofed} not let out under another's address`
  );
}

function offsets({ offset, length }: HookRule): string {
  const first = formatHex(offset, 1);
  return length === 1 ? first : `${first}-${formatHex(offset + length - 1, 1)}`;
}

function when(condition: HookRule['when']): string {
  if (!condition) return '';
  const values = condition.equals.map(value => formatHex(value, 1)).join(' or ');
  return `byte & ${formatHex(condition.mask, 1)} is ${values}`;
}
