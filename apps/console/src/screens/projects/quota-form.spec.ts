import { ApiError } from '../../api/problem';
import { patchOf, quotaForm, type QuotaForm } from './quota-form';

const GIB = 2 ** 30;
const project = {
  name: 'red',
  maxVms: 4,
  maxMemoryMiB: 1536,
  maxSnapshotBytes: 2 * GIB,
  ...{ vms: 0, networks: 0, memoryMiB: 0, snapshotBytes: 0, createdAt: '2026-01-01T00:00:00Z' },
};
const wrongOf = (form: QuotaForm) => {
  try {
    return patchOf(form);
  } catch (thrown) {
    return ApiError.from(thrown).fields.map(({ path }) => path);
  }
};

describe('quotas in a form', () => {
  it('are shown in the unit that fits, and are what they were when nothing is typed', () => {
    const form = quotaForm(project);
    expect(form).toEqual({
      vms: '4',
      memory: { text: '1536', unit: 'MiB' },
      snapshots: { text: '2', unit: 'GiB' },
    });
    expect(patchOf(form)).toEqual({ maxVms: 4, maxMemoryMiB: 1536, maxSnapshotBytes: 2 * GIB });
    for (const mib of [0, 1, 1024, 1000 * 1024]) {
      const odd = { ...project, maxSnapshotBytes: mib * 2 ** 20, maxMemoryMiB: mib };
      expect(patchOf(quotaForm(odd))).toMatchObject({
        maxSnapshotBytes: mib * 2 ** 20,
        maxMemoryMiB: mib,
      });
    }
  });

  it('are sent where they were changed only: one of some odd bytes stays', () => {
    const before = quotaForm({ ...project, maxSnapshotBytes: 1_000_001 });
    expect(patchOf(before, before)).toEqual({});
    expect(patchOf({ ...before, vms: '5' }, before)).toEqual({ maxVms: 5 });
    expect(patchOf({ ...before, vms: '' }, before)).toEqual({ maxVms: null });
  });

  it('that are empty are none; parts of a unit are taken', () => {
    expect(patchOf(quotaForm())).toEqual({ maxVms: null, maxMemoryMiB: null, maxSnapshotBytes: null });
    const half = { ...quotaForm(), vms: '0', memory: { text: '1.5', unit: 'GiB' as const } };
    expect(patchOf(half)).toMatchObject({ maxVms: 0, maxMemoryMiB: 1536 });
  });

  it.each(['four', '-1', '1.5', '1e3', '0x10', 'Infinity', '1,5'])('“%s” VMs are no number of them', vms => {
    expect(wrongOf({ ...quotaForm(), vms })).toEqual(['maxVms']);
  });

  it('that are wrong are told at each', () => {
    const amount = { text: 'much', unit: 'MiB' as const };
    expect(wrongOf({ vms: '', memory: amount, snapshots: { text: '0.3', unit: 'MiB' } })).toEqual(
      expect.arrayContaining(['maxMemoryMiB', 'maxSnapshotBytes']),
    );
  });
});
