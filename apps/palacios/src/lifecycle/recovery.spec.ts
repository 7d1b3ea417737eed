import { planRecovery } from './recovery';

const row = (change: Partial<Parameters<typeof planRecovery>[0] & object>) => ({
  incarnation: 'old',
  state: 'RUNNING' as const,
  desired: 'running' as const,
  resumeState: null,
  ...change,
});

describe('what an earlier Palacios left behind', () => {
  it.each([
    ['nothing, for a VM that never ran', undefined, 'nothing'],
    ['nothing, of its own', row({ incarnation: 'new' }), 'nothing'],
    ['a saved state of a running guest', row({ state: 'STOPPED', resumeState: 'd' }), 'resume'],
    [
      'a saved state of a paused guest',
      row({ state: 'STOPPED', desired: 'paused', resumeState: 'd' }),
      'resume',
    ],
    ['a saved state that could not be resumed', row({ state: 'ERROR', resumeState: 'd' }), 'resume'],
    [
      'a saved state of a VM that was stopped since',
      row({ state: 'STOPPED', desired: 'stopped', resumeState: 'd' }),
      'nothing',
    ],
    ['a running guest: it was killed', row({}), 'restart'],
    ['a paused guest: it was killed', row({ state: 'PAUSED', desired: 'paused' }), 'restart'],
    ['a machine between two', row({ state: 'RESETTING' }), 'restart'],
    ['a start that was under way', row({ state: 'STOPPED' }), 'restart'],
    ['a stopped VM', row({ state: 'STOPPED', desired: 'stopped' }), 'nothing'],
    ['a failed guest', row({ state: 'ERROR' }), 'nothing'],
  ] as const)('%s', (_, record, plan) => {
    expect(planRecovery(record, 'new', 'none')).toBe(plan);
    for (const policy of ['restart', 'checkpoint'] as const) {
      expect(planRecovery(record, 'new', policy)).toBe(plan === 'restart' ? 'yield' : plan);
    }
  });
});
