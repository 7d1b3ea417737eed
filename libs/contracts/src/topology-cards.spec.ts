import { V3Error } from './errors';
import { parseTopology } from './topology-file';

const refuse = (text: string): V3Error => {
  try {
    parseTopology(text, 'my.yaml');
  } catch (error) {
    return error as V3Error;
  }
  throw new Error('it was accepted');
};

const hosts = `
hosts:
  alpha:
    nics:
      - { name: eth0, model: rtl8139, network: lan }
      - { name: eth1, model: ne2000, network: lan, mac: "02:00:00:00:00:FE" }
      - { name: eth2, model: rtl8139c+ }
  beta: { nics: [{ name: eth0, model: ne2000, network: lan }] }
networks: { lan: , wan: }
`;
const virtio = '{ network: lan }';
const on = (device: string, more = '') => `{ network: lan, device: ${device}${more} }`;

describe('physical NICs in a cluster file', () => {
  it('are shared, or had alone, and are another card on each host', () => {
    const cluster = parseTopology(`${hosts}
vms:
  a1: { host: alpha, nics: [${virtio}, ${on('eth0')}, ${on('eth1', ', access: passthrough')}] }
  a2: { host: alpha, nics: [${on('eth0', ', access: emulated, settings: { mode: guest-driven, linkUp: false }')}] }
  b1: { host: beta, nics: [${on('eth0', ', access: passthrough')}] }
`);
    expect(cluster.hosts.alpha?.nics[2]).toEqual({ name: 'eth2', model: 'rtl8139c+' });
    expect(cluster.vms.a1?.nics).toMatchObject([{}, { device: 'eth0' }, { access: 'passthrough' }]);
  });

  const file = (...nics: string[]) => `${hosts}vms:\n  x: { host: alpha, nics: [${nics.join(', ')}] }`;
  const two = (first: string, second: string) =>
    `${file(first)}\n  y: { host: alpha, nics: [${virtio}, ${second}] }`;
  // `^` marks where the error must point; it is taken out before parsing.
  it.each([
    [
      'two of one name',
      'hosts: { a: { nics: [{ name: n, model: ne2000 }, { name: ^n, model: rtl8139 }] } }',
      'hosts.a.nics[1].name',
      'host a has a physical NIC n already',
    ],
    [
      'a cable to nowhere',
      'hosts: { a: { nics: [{ name: n, model: ne2000, network: ^constructor }] } }\nnetworks: { lan: }',
      'hosts.a.nics[0].network',
      'there is no network "constructor"; networks are: lan',
    ],
    [
      'an unknown model',
      'hosts: { a: { nics: [{ name: n, model: ^e1000 }] } }',
      'hosts.a.nics[0].model',
      'rtl8139c+',
    ],
    [
      'a NIC on a card that the host has not',
      file(`{ network: lan, device: ^eth7 }`),
      'vms.x.nics[0].device',
      'host alpha has no physical NIC "eth7"; its physical NICs are: eth0 (rtl8139 on lan), eth1 (ne2000 on lan), eth2 (rtl8139c+ without a cable)',
    ],
    [
      'a NIC on a card without a cable',
      file(`{ network: lan, device: ^eth2 }`),
      'vms.x.nics[0].device',
      'alpha/eth2 has no cable',
    ],
    [
      'a NIC on a card whose cable leads elsewhere',
      file(`{ network: wan, device: ^eth0 }`),
      'vms.x.nics[0].device',
      'the cable of alpha/eth0 leads to network lan, not to wan',
    ],
    [
      'a VM with a card twice',
      file(on('eth0'), `{ network: lan, device: ^eth0 }`),
      'vms.x.nics[1].device',
      "eth0 is net0's already",
    ],
    [
      'a virtio NIC after a card',
      file(on('eth0'), `^${virtio}`),
      'vms.x.nics[1]',
      'because the guest names them in that order; put this one before net0',
    ],
    [
      'access to no card',
      file(`{ network: lan, access: ^vpio }`),
      'vms.x.nics[0].access',
      'name the NIC with "device", or leave access out',
    ],
    [
      'virtio’s settings on a card',
      file(on('eth0', ', settings: { optimisticInterrupts: ^true }')),
      'vms.x.nics[0].settings.optimisticInterrupts',
      'optimisticInterrupts is a setting of virtio NICs',
    ],
    [
      'a shared card that one VM wants alone',
      two(on('eth0'), `{ network: lan, device: ^eth0, access: passthrough }`),
      'vms.y.nics[1].device',
      'alpha/eth0 is used by x/net0 too, and y/net1 wants it by passthrough',
    ],
    [
      'a card had alone that another shares',
      two(on('eth0', ', access: passthrough'), `{ network: lan, device: ^eth0 }`),
      'vms.y.nics[1].device',
      'x/net0 wants it by passthrough',
    ],
    [
      'a NIC of a VM on no host',
      `${hosts}vms: { x: { host: ^constructor, nics: [${on('eth0')}] } }`,
      'vms.x.host',
      'hosts are',
    ],
  ])('%s: refused with line and column', (_, marked, path, message) => {
    const before = marked.slice(0, marked.indexOf('^')).split('\n');
    const [line, column] = [before.length, (before.at(-1) as string).length + 1];
    const error = refuse(marked.replace('^', ''));
    expect(error.code).toBe('CLUSTER_FILE_INVALID');
    expect(error.fields).toContainEqual({ path, message: expect.stringContaining(message), line, column });
  });
});
