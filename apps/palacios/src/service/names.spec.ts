import { randomUUID } from 'node:crypto';
import { Bus } from '@v3vee/bus';
import { vmChanged } from '@v3vee/contracts';
import { testNats } from '@v3vee/testkit';
import type { Vm } from '../lifecycle/vm';
import type { HostsEntry, Log } from '../lifecycle/ports';
import { Names } from './names';

describe('the names that guests know', () => {
  let nats: Awaited<ReturnType<typeof testNats>>;
  let bus: Bus;
  beforeAll(async () => {
    nats = await testNats();
    bus = await Bus.connect({ url: nats.url, name: 'test' });
  });
  afterAll(async () => {
    await bus?.close();
    await nats?.stop();
  });

  it('are told again when the store was away as a VM changed', async () => {
    const id = randomUUID();
    const entries: HostsEntry[] = [{ address: '10.10.0.12', name: 'a2' }];
    let isAway = true;
    const warned: string[] = [];
    const told = new Promise<HostsEntry[]>(resolve => {
      const names = new Names({
        bus,
        fleet: { all: () => [{ id, machine: { setHosts: resolve } } as unknown as Vm] },
        definitions: {
          async neighbours() {
            if (isAway) {
              isAway = false;
              throw new Error('connection refused');
            }
            names.stop();
            return new Map([[id, entries]]);
          },
        },
        log: { warn: (_: object, text: string) => warned.push(text) } as unknown as Log,
      });
    });
    await bus.flush();
    bus.announce(vmChanged, 'alpha', {
      ...{ vmId: id, epoch: 1, state: 'RUNNING', reason: '' },
      ...{ agent: true, ips: [], startedAt: null },
    });
    expect(await told).toEqual(entries);
    expect(warned).toEqual(['names not told; again in a moment']);
  });
});
