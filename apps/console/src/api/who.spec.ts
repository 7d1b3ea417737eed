import { rest, roles, streams, type Access, type Self } from '@v3vee/contracts';
import { mayDo, whyRefused, Who } from './who';

const self = (role: Self['role'], project: string | null = null): Self => ({
  ...{ user: 'anna', role, project, expiresAt: null },
});

describe('who is there', () => {
  it.each([
    ['a viewer', self('viewer'), ['getVm', 'listDevices']],
    ['an operator', self('operator'), ['getVm', 'listDevices', 'startVm', 'console']],
    ['an operator of a project', self('operator', 'red'), ['getVm', 'startVm', 'console']],
    ['an admin', self('admin'), ['getVm', 'listDevices', 'startVm', 'console', 'drainHost']],
    ['nobody yet', undefined, []],
  ])('%s is offered what the contract lets it do', (_, who, offered) => {
    const { getVm, listDevices, startVm, drainHost } = rest;
    const all = { getVm, listDevices, startVm, console: streams.console, drainHost };
    const may = Object.entries(all).filter(([, { access }]) => mayDo(who, access, roles));
    expect(may.map(([name]) => name)).toEqual(offered);
  });

  it('is told why something is not allowed', () => {
    const why = (who: Self | undefined, { access }: { access: Access }) => whyRefused(who, access, roles);
    expect(why(self('operator'), rest.startVm)).toBeUndefined();
    expect(why(self('viewer'), rest.startVm)).toBe('This takes the role operator; yours is viewer');
    expect(why(self('operator', 'red'), rest.createJob)).toContain('confined to the project red');
    expect(why(undefined, rest.getVm)).toContain('not yet');
  });

  it('is asked for when a session begins, and forgotten when it ends', async () => {
    const told: (string | undefined)[] = [];
    const answers = [Promise.resolve(self('viewer')), Promise.reject(new Error('away'))];
    const who = new Who(() => answers.shift() as Promise<Self>);
    who.subscribe(() => told.push(who.get()?.role));
    await who.look();
    who.forget();
    await who.look();
    expect(told).toEqual(['viewer', undefined, undefined]);
  });
});
