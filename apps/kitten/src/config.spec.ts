import { readConfig } from '@v3vee/service';
import { kittenConfig } from './config';

const good = { V3_HOST: 'alpha', V3_HOST_MEMORY_MIB: '1024', V3_HOST_CORES: '8' };

describe('the configuration of kitten', () => {
  it('describes the host', () => {
    const nics = '[{"name":"eth0","model":"ne2000"}]';
    expect(readConfig(kittenConfig, { ...good, V3_HOST_NICS: nics })).toMatchObject({
      V3_HOST: 'alpha',
      V3_HOST_MEMORY_MIB: 1024,
      V3_HOST_CORES: 8,
      V3_HOST_NICS: [{ name: 'eth0', model: 'ne2000' }],
      V3_HOST_RADIOS: [],
      V3_SCHED_HZ: 1,
      V3_HOST_OVERCOMMIT: 1,
    });
  });

  it.each([
    [{ V3_HOST: 'Alpha!' }, 'V3_HOST: a name has 1 to 63 lower-case letters'],
    [{ V3_HOST_MEMORY_MIB: '16' }, 'V3_HOST_MEMORY_MIB: Kitten keeps 16 MiB'],
    [{ V3_HOST_MEMORY_MIB: 'much' }, 'V3_HOST_MEMORY_MIB'],
    [{ V3_HOST_CORES: '0' }, 'V3_HOST_CORES'],
    [{ V3_HOST_OVERCOMMIT: '0' }, 'V3_HOST_OVERCOMMIT'],
    [{ V3_SCHED_HZ: '1000' }, 'V3_SCHED_HZ: Kitten looks at a shared core at most 100 times a second'],
    [{ V3_HOST_NICS: '[' }, 'V3_HOST_NICS: must be a list in JSON'],
    [{ V3_HOST_NICS: '[{"name":"eth0","model":"e1000"}]' }, 'V3_HOST_NICS.0.model'],
    [{ V3_HOST_RADIOS: '{}' }, 'V3_HOST_RADIOS'],
  ])('is refused, naming the variable: %j', (wrong, message) => {
    expect(() => readConfig(kittenConfig, { ...good, ...wrong })).toThrow(message);
  });
});
