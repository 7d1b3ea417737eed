import { V3Error } from './errors';
import { parseTopology } from './topology-file';

const mac = '02:00:00:00:00:0a';
const base = `hosts: {a: }
networks: {lan: , dmz: }
vms:
  a1: {host: a, nics: [{network: lan, mac: "${mac}", settings: {mode: adaptive}}, {network: dmz, mac: "02:00:00:00:00:0b"}]}
vnet:
`;

describe('the overlay in a cluster file', () => {
  it('has links by name, and routes in the original language or as objects', () => {
    const { vnet, vms } = parseTopology(`${base}
  links:
    site: {remote: 2001:DB8:0::1, network: lan}
    kernel: {type: vxlan, remote: 192.0.2.1, vni: 42, network: lan, up: false, impairment: {delayMs: 10}}
  routes:
    - ADD any ${mac.toUpperCase()} interface ${mac} edge site   # comment
    - not-${mac} any edge 192.0.2.1 any
    - {source: "${mac}", to: edge kernel, from: "interface ${mac}"}`);
    expect(vms.a1?.nics[0]?.settings).toEqual({ mode: 'adaptive' });
    expect(vnet.links).toEqual({
      site: { type: 'udp', remote: '2001:db8::1', network: 'lan' },
      kernel: {
        ...{ type: 'vxlan', remote: '192.0.2.1', vni: 42, network: 'lan', up: false },
        impairment: expect.objectContaining({ delayMs: 10, lossPercent: 0, rateKbit: null }),
      },
    });
    expect(vnet.routes).toEqual([
      { source: 'any', destination: mac, to: `interface ${mac}`, from: 'edge site' },
      { source: `not-${mac}`, destination: 'any', to: 'edge 192.0.2.1', from: 'any' },
      { source: mac, destination: 'any', to: 'edge kernel', from: `interface ${mac}` },
    ]);
    // What was read can be sent: the gateway reads it again.
    expect(parseTopology(`${base}`.replace('vnet:\n', '')).vnet).toEqual({ links: {}, routes: [] });
  });

  // `^` marks where the error must point; it is taken out before parsing.
  it.each([
    ['  links: {"^12": {remote: 192.0.2.1, network: lan}}'.replace('"^12"', '^12'), 'not a number'],
    ['  links: {l: {remote: ^10.0.0, network: lan}}', 'an IPv4 or IPv6 address is needed'],
    ['  links: {l: {remote: ^224.0.0.1, network: lan}}', 'no address of a single peer'],
    ['  links: {^l: {remote: 192.0.2.1}}', 'say which network it joins; networks are: lan, dmz'],
    ['  links: {l: {remote: 192.0.2.1, network: ^wan}}', 'there is no network "wan"'],
    ['  links: {l: {remote: 192.0.2.1, network: lan, ^colour: red}}', 'unknown key "colour"'],
    ['  links: {l: {remote: 192.0.2.1, network: lan, vni: ^3}}', 'only a vxlan link'],
    ['  links: {l: {remote: 192.0.2.1, network: lan, local: "^::1"}}'.replace('"^::1"', '^"::1"'), 'is IPv6'],
    ['  links: {l: {remote: ^127.0.0.1, network: lan}}', 'leads to itself'],
    [
      '  links: {l: {remote: 192.0.2.1, network: lan}, ^m: {remote: 192.0.2.1, network: dmz}}',
      'same peer as l',
    ],
    [
      '  routes: [^ADD any any interface nobody any]',
      'is not the unicast MAC address of a NIC (at character',
    ],
    ['  routes: [^DEL 1]', '"del" is not a source address'],
    ['  routes: [^any any edge wan any]', 'there is no link wan; links are: none'],
    [
      '  routes: [{^to: interface 02:00:00:00:00:99}]'.replace('^to: ', 'to: ^'),
      `NICs are: ${mac} (a1/net0)`,
    ],
    ['  routes: [{to: ^somewhere}]', 'write "interface" and an address'],
    [`  routes: [{to: "interface ${mac}", network: ^dmz}]`, 'is on network lan, not on dmz'],
    [
      `  routes: [^any any interface ${mac} interface 02:00:00:00:00:0b]`,
      'both ends of a route are on one network',
    ],
    [`  routes: [any any interface ${mac} any, ^any any interface ${mac} any]`, 'is the same as routes[0]'],
  ])('with %s is refused with line and column', (marked, message) => {
    const text = base + marked.replace('^', '');
    let error: unknown;
    try {
      parseTopology(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(V3Error);
    expect((error as V3Error).fields).toContainEqual({
      path: expect.stringMatching(/^vnet\./),
      message: expect.stringContaining(message),
      line: 6,
      column: marked.indexOf('^') + 1,
    });
  });
});
