import { migrationOptions } from './migration';
import { rest } from './rest';
import { migrationRequest, migrationWatchPath } from './rest-migration';
import { verbStates, vmPatch, vmSpec } from './resources';
import { validate } from './validate';

describe('the REST table', () => {
  it('has no two endpoints at one address', () => {
    const addresses = Object.values(rest).map(
      ({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, '{}')}`,
    );
    expect(new Set(addresses).size).toBe(addresses.length);
  });

  it('names an allowed state for every verb', () => {
    for (const states of Object.values(verbStates)) expect(states.length).toBeGreaterThan(0);
  });

  it('refuses unknown keys and says which', () => {
    expect(() => validate(vmSpec, { name: 'a', host: 'b', color: 'red' })).toThrow(
      'color: unknown key "color"',
    );
    expect(() => validate(vmSpec, { host: 'b' })).toThrow('name: a string is required here');
    expect(() => validate(vmSpec, [])).toThrow('expected a mapping');
  });

  it('takes of a migration what is named, the rest as by default', () => {
    expect(validate(migrationRequest, { host: 'beta', maxRounds: 4 })).toEqual({
      ...{ host: 'beta', ...migrationOptions.parse({}), maxRounds: 4 },
    });
    expect(() => validate(migrationRequest, {})).toThrow('host: a string is required here');
    expect(() => validate(migrationRequest, { host: 'beta', rounds: 4 })).toThrow('unknown key "rounds"');
    expect(() => validate(migrationRequest, { host: 'beta', bandwidthMiBps: 0 })).toThrow('bandwidthMiBps');
    expect(migrationWatchPath('a/b')).toBe('/v1/migrations/a%2Fb:watch');
  });

  it('leaves absent members of a patch absent, so that defaults never overwrite', () => {
    expect(validate(vmPatch, { autostart: true })).toEqual({ autostart: true });
  });
});
