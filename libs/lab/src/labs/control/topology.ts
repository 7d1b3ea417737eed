/** How many VMs are defined, and how many of them run where a page shows them. */
export const DEFINED = 50;
export const RUNNING = 20;

/** The nth VM, from 1 on; the first ones run. */
export const vmName = (n: number): string => `vm${n}`;
export const vmAddress = (n: number): string => `10.10.0.${10 + n}`;
const vmHost = (n: number): string => (n % 2 ? 'alpha' : 'beta');

/** Two hosts with 25 small VMs each, none of which starts by itself; a card and a radio, so that their screens have something. */
export function topology(): string {
  const vms = Array.from({ length: DEFINED }, (_, index) => index + 1).map(
    n =>
      `  ${vmName(n)}: { host: ${vmHost(n)}, memory: 64MiB, autostart: false, nics: [{ network: lan, ip: ${vmAddress(n)}/24 }] }`,
  );
  return [
    'hosts:',
    '  alpha:',
    '    memory: 2GiB',
    '    cores: 16',
    '    nics: [{ name: eth0, model: rtl8139, network: lan }]',
    '    radios: [{ name: radio0, position: [0, 0] }]',
    '  beta: { memory: 2GiB, cores: 16 }',
    'networks: { lan: { subnet: 10.10.0.0/24 } }',
    'vms:',
    ...vms,
    '',
  ].join('\n');
}
