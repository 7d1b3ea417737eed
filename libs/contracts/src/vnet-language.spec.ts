import { V3Error } from './errors';
import {
  arbitraryCommand,
  checkReadOrRefused,
  hostileText,
  mulberry32,
  restyle,
} from './testing/vnet-language.fixture';
import {
  formatCommand,
  MAX_STATEMENTS,
  parseRoute,
  parseVnetLanguage,
  type VnetCommand,
} from './vnet-language';

const mac = '02:00:0a:0a:00:0b';
const other = '02:00:0a:0a:00:0c';
const commands = (text: string): VnetCommand[] =>
  parseVnetLanguage(text).map(({ at: _, ...command }) => command);
const refuse = (text: string): V3Error => {
  try {
    parseVnetLanguage(text);
  } catch (error) {
    return error as V3Error;
  }
  throw new Error('it was accepted');
};

describe('the VNET language', () => {
  it.each<[string, VnetCommand]>([
    [
      `ADD any ${mac} interface ${mac} any`,
      {
        verb: 'add-route',
        route: { source: 'any', destination: mac, to: { type: 'interface', mac }, from: null },
      },
    ],
    [
      `add NOT-${mac.toUpperCase()} none Edge 192.0.2.1 INTERFACE ${other}`,
      {
        verb: 'add-route',
        route: {
          source: `not-${mac}`,
          destination: 'none',
          to: { type: 'edge', link: '192.0.2.1' },
          from: { type: 'interface', mac: other },
        },
      },
    ],
    [
      `\t Add  ROUTE ff:ff:ff:ff:ff:ff any\tedge wan edge 3   # to the other site\r`,
      {
        verb: 'add-route',
        route: {
          source: 'ff:ff:ff:ff:ff:ff',
          destination: 'any',
          to: { type: 'edge', link: 'wan' },
          from: { type: 'edge', link: '3' },
        },
      },
    ],
    [
      'ADD 192.0.2.1 9000',
      { verb: 'add-link', link: { remote: '192.0.2.1', remotePort: 9000, type: 'udp' } },
    ],
    ['add 192.0.2.1 1 TCP', { verb: 'add-link', link: { remote: '192.0.2.1', remotePort: 1, type: 'tcp' } }],
    [
      'ADD LINK 2001:DB8:0::1 65535 vxlan',
      { verb: 'add-link', link: { remote: '2001:db8::1', remotePort: 65_535, type: 'vxlan' } },
    ],
    ['DEL 3', { verb: 'delete-route', index: 3 }],
    ['del route 3', { verb: 'delete-route', index: 3 }],
    ['DEL LINK 2147483647', { verb: 'delete-link', index: 2_147_483_647 }],
  ])('reads %j', (text, command) => {
    expect(commands(text)).toEqual([command]);
  });

  it('takes several lines, blank ones and comments, and knows where each statement stands', () => {
    const text = `# routes\n\nDEL 1\r\n  ADD any any edge wan interface ${mac}\n#${'x'.repeat(10_000)} ä\nDEL LINK 2`;
    expect(parseVnetLanguage(text).map(({ at }) => at)).toEqual([
      { line: 3, columns: { start: 1 } },
      { line: 4, columns: { start: 3, to: 15, from: 24 } },
      { line: 6, columns: { start: 1 } },
    ]);
    expect(parseVnetLanguage('')).toEqual([]);
  });

  // `^` marks where the error must point; it is taken out before parsing.
  it.each([
    ['^LIST', 'is not ADD or DEL'],
    ['ADD ^', 'must follow'],
    ['ADD ^10.0.0 9000', 'begins neither a route'],
    ['ADD link ^wan 9000', 'is not the IPv4 or IPv6 address'],
    ['ADD 192.0.2.1 ^', 'must follow a port from 1 to 65535'],
    ['ADD 192.0.2.1 ^0', 'is not a port'],
    ['ADD 192.0.2.1 ^65536', 'is not a port'],
    ['ADD 192.0.2.1 ^9e3', 'is not a port'],
    ['ADD 192.0.2.1 9000 ^sctp', 'is not a type of link: udp, tcp, vxlan'],
    ['ADD 192.0.2.1 9000 udp ^now', 'is too much; the statement is ADD dst-ip port'],
    [`ADD any ^${mac}:0d interface ${mac} any`, 'is not a destination address'],
    [`ADD any not-any interface ${mac} any`.replace('not-any', '^not-any'), 'is not a destination address'],
    [`ADD any any ^any ${mac}`, 'is not a destination type: interface or edge'],
    ['ADD any any interface ^192.0.2.1 any', 'is not the unicast MAC address'],
    ['ADD any any interface ^ff:ff:ff:ff:ff:ff any', 'is not the unicast MAC address'],
    [`ADD any any edge ^${mac} any`, 'is not the IP address, name or index of a link'],
    [`ADD any any interface ${mac} ^`, 'must follow a source type: interface, edge or any'],
    [`ADD any any interface ${mac} any ^any`, 'is too much'],
    ['DEL ^', 'must follow'],
    ['DEL ^0', 'is not the index'],
    ['DEL ^-1', 'is not the index'],
    ['DEL ^2147483648', 'is not the index'],
    ['DEL 1 ^2', 'is too much'],
    ['DEL LIN^\u212a 1', 'U+212A'],
    ['DEL^\u00a01', 'U+00A0'],
    ['DEL ^\u{1f600}', 'U+1F600'],
    ['DEL 1^\0', 'U+0000'],
    [`${'x'.repeat(500)}^${'x'.repeat(100_000)}`, 'at most 500 characters'],
  ])('refuses %j at the mark', (marked, message) => {
    const column = marked.indexOf('^') + 1;
    const error = refuse(`# first\n${marked.replace('^', '')}\nDEL 1`);
    expect(error.code).toBe('VNET_CONTROL_INVALID');
    expect(error.fields).toEqual([{ path: '', line: 2, column, message: expect.stringContaining(message) }]);
    expect(error.message).toContain(`line 2, column ${column}: `);
    expect(error.message.length).toBeLessThan(400);
  });

  it('tells of every wrong line, up to a score, and refuses more than anybody types', () => {
    expect(refuse('DEL\nDEL 1\nADD').fields?.map(({ line }) => line)).toEqual([1, 3]);
    expect(refuse('x\n'.repeat(1000)).fields).toHaveLength(20);
    const many = 'DEL 1\n'.repeat(MAX_STATEMENTS);
    expect(parseVnetLanguage(many)).toHaveLength(MAX_STATEMENTS);
    expect(refuse(`${many}DEL 1\nDEL 2`).fields).toMatchObject([{ line: MAX_STATEMENTS + 1 }]);
  });

  it('reads a route alone, with ADD or without', () => {
    const route = { source: 'any', destination: mac, to: { type: 'interface', mac }, from: null };
    for (const prefix of ['', 'ADD ', ' add route ']) {
      expect(parseRoute(`${prefix}any ${mac} interface ${mac} any`)).toEqual(route);
    }
    for (const text of ['', 'ADD 192.0.2.1 9000', 'DEL 1', `any any edge a any\nany any edge a any`]) {
      expect(() => parseRoute(text)).toThrow(V3Error);
    }
  });

  it('writes what it reads: every command comes back, however it is spaced and spelled', () => {
    const random = mulberry32(1);
    for (let n = 0; n < 500; n++) {
      const command = arbitraryCommand(random);
      expect(commands(formatCommand(command))).toEqual([command]);
      expect(commands(restyle(formatCommand(command), random))).toEqual([command]);
    }
  });

  it('reads or refuses whatever comes, and nothing else', () => {
    const random = mulberry32(2);
    for (let n = 0; n < 500; n++) expect(() => checkReadOrRefused(hostileText(random))).not.toThrow();
  });
});
