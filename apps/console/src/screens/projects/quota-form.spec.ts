import { quotaPatch, quotaProblems, quotaValues, type QuotaValues } from './quota-form';

const GIB = 2 ** 30;
const project = {
  name: 'red',
  maxVms: 4,
  maxMemoryMiB: 1536,
  maxSnapshotBytes: 2 * GIB,
  ...{ vms: 0, networks: 0, memoryMiB: 0, snapshotBytes: 0, createdAt: '2026-01-01T00:00:00Z' },
};
const wrongOf = (values: QuotaValues) => quotaProblems(values).map(({ path }) => path);

describe('quotas in a form', () => {
  it('are shown in the unit that fits, and are what they were when nothing is typed', () => {
    const values = quotaValues(project);
    expect(values).toEqual({
      maxVms: '4',
      ...{ maxMemoryMiB: '1536', memoryUnit: 'MiB' },
      ...{ maxSnapshotBytes: '2', snapshotUnit: 'GiB' },
    });
    expect(quotaPatch(values)).toEqual({ maxVms: 4, maxMemoryMiB: 1536, maxSnapshotBytes: 2 * GIB });
    expect(wrongOf(values)).toEqual([]);
    for (const mib of [0, 1, 1024, 1000 * 1024]) {
      const odd = { ...project, maxSnapshotBytes: mib * 2 ** 20, maxMemoryMiB: mib };
      expect(quotaPatch(quotaValues(odd))).toMatchObject({
        maxSnapshotBytes: mib * 2 ** 20,
        maxMemoryMiB: mib,
      });
    }
  });

  it('are sent where they were changed only: one of some odd bytes stays', () => {
    const before = quotaValues({ ...project, maxSnapshotBytes: 1_000_001 });
    expect(quotaPatch(before, before)).toEqual({});
    expect(quotaPatch({ ...before, maxVms: '5' }, before)).toEqual({ maxVms: 5 });
    expect(quotaPatch({ ...before, maxVms: '' }, before)).toEqual({ maxVms: null });
    expect(quotaPatch({ ...before, memoryUnit: 'GiB' }, before)).toEqual({ maxMemoryMiB: 1536 * 1024 });
  });

  it('that are empty are none; parts of a unit are taken', () => {
    const none = { maxVms: null, maxMemoryMiB: null, maxSnapshotBytes: null };
    expect(quotaPatch(quotaValues())).toEqual(none);
    const half = { ...quotaValues(), maxVms: '0', maxMemoryMiB: '1.5', memoryUnit: 'GiB' };
    expect(quotaPatch(half)).toMatchObject({ maxVms: 0, maxMemoryMiB: 1536 });
  });

  it.each(['four', '-1', '1.5', '1e3', '0x10', 'Infinity', '1,5'])(
    '“%s” VMs are no number of them',
    maxVms => {
      expect(wrongOf({ ...quotaValues(), maxVms })).toEqual(['maxVms']);
    },
  );

  it('that are wrong are told at each', () => {
    const values = { ...quotaValues(), memoryUnit: 'MiB', snapshotUnit: 'MiB' };
    expect(wrongOf({ ...values, maxMemoryMiB: 'much', maxSnapshotBytes: '0.3' })).toEqual([
      'maxMemoryMiB',
      'maxSnapshotBytes',
    ]);
  });
});
