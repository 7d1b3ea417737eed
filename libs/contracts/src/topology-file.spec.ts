import { V3Error } from './errors';
import { locateInFile, parseTopology } from './topology-file';

const good = `
hosts:
  alpha: { memory: 1GiB, cores: 4, nics: [{ name: nic0, model: rtl8139 }], radios: [{ name: radio0 }] }
  beta:
networks:
  lan: { subnet: 10.10.0.0/24 }
vms:
  a1:
    host: alpha
    memory: 64MiB
    nics: [{ network: lan, mac: "02:00:00:00:00:0A", ip: 10.10.0.11/24 }]
`;

const refuse = (text: string): V3Error => {
  try {
    parseTopology(text, 'my.yaml');
  } catch (error) {
    return error as V3Error;
  }
  throw new Error('it was accepted');
};

describe('a cluster file', () => {
  it('is parsed with defaults, and MACs are normalised', () => {
    const cluster = parseTopology(good);
    expect(cluster.hosts.beta).toEqual({ memory: 1024, cores: 8, nics: [], radios: [] });
    expect(cluster.vms.a1).toMatchObject({ memory: 64, image: 'debian', autostart: true, boot: 'template' });
    expect(cluster.vms.a1?.nics[0]?.mac).toBe('02:00:00:00:00:0a');
  });

  // `^` marks where the error must point; it is taken out before parsing.
  it.each([
    [
      'an unknown key',
      'hosts: {a: {}}\nvms:\n  x: {host: a, ^memry: 4}',
      'vms.x.memry',
      'unknown key "memry"',
    ],
    ['a wrong type', 'hosts:\n  a: {cores: ^many}', 'hosts.a.cores', 'expected a number'],
    ['a list for a mapping', '^hosts: [a]', 'hosts', 'expected a mapping'],
    ['no hosts', '^networks: {}', 'hosts', 'a mapping is required here'],
    ['an empty file', '^', 'hosts', 'a mapping is required here'],
    ['a bad name', 'hosts: {^Alpha: {}}', 'hosts.Alpha', 'RFC 1123'],
    ['a bad amount', 'hosts: {a: {memory: ^1TB}}', 'hosts.a.memory', 'write for example 64MiB or 1GiB'],
    [
      'a host too small',
      'hosts: {a: {memory: ^16MiB}}',
      'hosts.a.memory',
      'more than the 16 MiB that Kitten keeps',
    ],
    [
      'a policy that there is not',
      'hosts: {a: }\nvms: {x: {host: a, failover: ^always}}',
      'vms.x.failover',
      'must be one of: none, restart, checkpoint',
    ],
    [
      'an interval without its policy',
      'hosts: {a: }\nvms: {x: {host: a, failover: restart, checkpointEvery: ^30s}}',
      'vms.x.checkpointEvery',
      'checkpoints are made for "failover: checkpoint" only, not for "restart"',
    ],
    [
      'an interval that is none',
      'hosts: {a: }\nvms: {x: {host: a, failover: checkpoint, checkpointEvery: ^often}}',
      'vms.x.checkpointEvery',
      'write for example 30s or 5m',
    ],
    [
      'an interval that is too short',
      'hosts: {a: }\nvms: {x: {host: a, failover: checkpoint, checkpointEvery: ^1s}}',
      'vms.x.checkpointEvery',
      'checkpoints are made every 5s to 24h',
    ],
    ['an unknown host', 'hosts: {a: }\nvms: {x: {host: ^b}}', 'vms.x.host', 'hosts are: a'],
    [
      'an unknown network',
      'hosts: {a: }\nvms: {x: {host: a, nics: [{network: ^n}]}}',
      'vms.x.nics[0].network',
      'networks are: none',
    ],
    [
      'a malformed MAC',
      'hosts: {a: }\nvms: {x: {host: a, nics: [{network: n, mac: ^"02:0"}]}}',
      'vms.x.nics[0].mac',
      'looks like 02:00',
    ],
    [
      'a group MAC',
      'hosts: {a: }\nvms: {x: {host: a, nics: [{network: n, mac: ^"ff:ff:ff:ff:ff:ff"}]}}',
      'vms.x.nics[0].mac',
      'unicast',
    ],
    [
      'too much for its host',
      'hosts:\n  a: {memory: ^128MiB}\nvms: {x: {host: a, memory: 64}, y: {host: a, memory: 64}}',
      'hosts.a.memory',
      'ask for 128 MiB',
    ],
    [
      'an address outside the subnet',
      'hosts: {a: }\nnetworks: {n: {subnet: 10.0.0.0/24}}\nvms: {x: {host: a, nics: [{network: n, ip: ^10.0.1.1/24}]}}',
      'vms.x.nics[0].ip',
      'not in network',
    ],
  ])('with %s is refused with line and column', (_, marked, path, message) => {
    const before = marked.slice(0, marked.indexOf('^')).split('\n');
    const [line, column] = [before.length, (before.at(-1) as string).length + 1];
    const error = refuse(marked.replace('^', ''));
    expect(error.code).toBe('CLUSTER_FILE_INVALID');
    expect(error.fields).toContainEqual({ path, message: expect.stringContaining(message), line, column });
    expect(error.message).toContain(`line ${line}, column ${column}`);
  });

  it.each([
    ['a MAC', 'mac: "02:00:00:00:00:01"', 'already used by vms.x.nics[0]'],
    ['an IP', 'ip: 10.0.0.1/24', 'already used by vms.x.nics[0]'],
  ])('that gives two NICs %s is refused', (_, nic, message) => {
    const vm = (name: string) => `  ${name}: {host: a, nics: [{network: n, ${nic}}]}\n`;
    expect(refuse(`hosts: {a: }\nnetworks: {n: }\nvms:\n${vm('x')}${vm('y')}`).message).toContain(message);
  });

  it('that names a VM twice, or is no YAML, is refused where that is', () => {
    expect(refuse('hosts: {a: }\nvms:\n  x: {host: a}\n  x: {host: a}').fields?.[0]).toMatchObject({
      line: 4,
      column: 3,
    });
    expect(refuse('hosts: [').fields?.[0]).toMatchObject({ line: 1 });
  });

  it('that is a YAML bomb is refused', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`),
    ];
    expect(refuse(bomb.join('\n')).code).toBe('CLUSTER_FILE_INVALID');
  });

  it('that only the cluster finds wrong is marked where it is, too', () => {
    const found = (path: string) =>
      new V3Error('CLUSTER_FILE_INVALID', `${path}: no`, { fields: [{ path, message: 'no' }] });
    const at = (path: string) => locateInFile(found(path), good, 'my.yaml').fields?.[0];
    expect(at('vms.a1.memory')).toMatchObject({ line: 10, column: 13, path: 'vms.a1.memory' });
    expect(at('vms.a1.nics[0].ip')).toMatchObject({ line: 11, column: 58 });
    expect(at('vms.a1.image')).toMatchObject({ line: 8, column: 3 }); // a default: the VM it belongs to
    expect(locateInFile(found('vms.a1.memory'), good, 'my.yaml').message).toBe(
      'my.yaml: line 10, column 13: vms.a1.memory: no',
    );
    const other = new V3Error('VM_BUSY', 'wait');
    expect(locateInFile(other, good)).toBe(other);
  });
});
