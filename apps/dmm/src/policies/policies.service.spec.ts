import { defaultDmmPolicy, type DmmPolicy } from '@v3vee/contracts';
import { Readiness } from '@v3vee/service';
import type { DmmPolicyRepository } from '@v3vee/store';
import type { PinoLogger } from 'nestjs-pino';
import { PoliciesService } from './policies.service';

const quiet = { setContext: () => undefined, warn: () => undefined } as unknown as PinoLogger;
const away = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });

describe('policies', () => {
  let stored: Map<string, DmmPolicy> | undefined;
  let readiness: Readiness;
  let policies: PoliciesService;
  let changes: number;
  beforeEach(() => {
    jest.useFakeTimers();
    [stored, readiness, changes] = [undefined, new Readiness(), 0];
    const all = async () => {
      if (!stored) throw away;
      return stored;
    };
    policies = new PoliciesService({ all } as DmmPolicyRepository, quiet, readiness);
    policies.onChange = () => changes++;
  });
  afterEach(async () => {
    await policies.beforeApplicationShutdown();
    jest.useRealTimers();
  });

  it('are as by default until they are read; a database that is away is asked again', async () => {
    await expect(policies.reload()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect([policies.of('alpha/eth0'), readiness.status().ready, changes]).toEqual([
      ...[defaultDmmPolicy, false, 0],
    ]);
    const changed = { ...defaultDmmPolicy, sliceMs: 7 };
    stored = new Map([['alpha/eth0', changed]]);
    await jest.advanceTimersByTimeAsync(500);
    expect([policies.of('alpha/eth0'), readiness.status().ready, changes]).toEqual([changed, true, 1]);
    expect(policies.of('alpha/eth1')).toEqual(defaultDmmPolicy);
  });

  it('stay in force while the database is away, and are not asked for after the end', async () => {
    const changed = { ...defaultDmmPolicy, sliceMs: 7 };
    stored = new Map([['alpha/eth0', changed]]);
    await policies.reload();
    stored = undefined;
    policies.reloadInTime();
    await jest.advanceTimersByTimeAsync(0);
    expect(policies.of('alpha/eth0')).toEqual(changed);
    await policies.beforeApplicationShutdown();
    stored = new Map();
    await jest.advanceTimersByTimeAsync(10_000);
    expect([policies.of('alpha/eth0'), changes]).toEqual([changed, 1]);
  });
});
