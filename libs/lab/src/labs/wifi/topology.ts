/** What the lab's cluster has at a time: it changes from stage to stage, by applying another file. */

/** VMs by the last number of their address: n has radio1 alone, w1 to w4 share radio0, s is wired, g has no NIC at all. */
export const NUMBERS = { n: 11, w1: 31, w2: 32, w3: 33, w4: 34, s: 21 } as const;
export type Name = keyof typeof NUMBERS | 'g';
/** Of those that share a radio, so many. */
export const SHARING = ['w1', 'w2', 'w3', 'w4'] as const;

export const SERVER = '10.10.0.21';
export const address = (name: keyof typeof NUMBERS): string => `10.10.0.${NUMBERS[name]}`;

export const PASSPHRASE = 'correct horse battery';
/** Two access points may offer one SSID. */
export const ACCESS_POINTS = {
  open: { ssid: 'lab-open', channel: 6, passphrase: undefined },
  other: { ssid: 'lab-other', channel: 11, passphrase: undefined },
  secret: { ssid: 'lab-secret', channel: 6, passphrase: PASSPHRASE },
  attic: { ssid: 'lab-secret', channel: 11, passphrase: PASSPHRASE },
} as const;
export type AccessPointName = keyof typeof ACCESS_POINTS;

export interface Stage {
  vms: readonly Exclude<Name, 's'>[];
  accessPoints: readonly AccessPointName[];
  /** Whether radio1 is n's alone, without distribution. */
  dedicated?: boolean;
}

/** The wired server is on a host of its own: what its guest costs is not counted. */
export function topologyOf({ vms, accessPoints, dedicated = false }: Stage): string {
  const vm = (name: Exclude<Name, 's'>) => {
    const nic = (radio: string) => (name === 'g' ? '' : `{ radio: ${radio}, ip: ${address(name)}/24 }`);
    return `  ${name}: { host: alpha, image: debian-wifi, wifi: [${nic(name === 'n' ? 'radio1' : 'radio0')}] }`;
  };
  const accessPoint = (name: AccessPointName) => {
    const { ssid, channel, passphrase } = ACCESS_POINTS[name];
    const secret = passphrase === undefined ? '' : `, passphrase: ${passphrase}`;
    return `  ${name}: { ssid: ${ssid}, channel: ${channel}, network: lan${secret} }`;
  };
  return [
    'hosts:',
    `  alpha: { memory: 1GiB, cores: 8, radios: [{ name: radio0 }, { name: radio1, dedicated: ${dedicated} }] }`,
    '  beta: { memory: 256MiB, cores: 2 }',
    'networks: { lan: { subnet: 10.10.0.0/24 } }',
    'accessPoints:',
    ...accessPoints.map(accessPoint),
    'vms:',
    `  s: { host: beta, nics: [{ network: lan, ip: ${SERVER}/24 }] }`,
    ...vms.map(vm),
    '',
  ].join('\n');
}
