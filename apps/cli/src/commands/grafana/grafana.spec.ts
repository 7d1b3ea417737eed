import type { Client } from '@v3vee/client';
import { createProgram } from '../../program';
import { eventsOf } from './events';

const run = (...args: string[]) => createProgram().parseAsync(['grafana', ...args], { from: 'user' });

it('is told where Grafana is, and a token that can be one', async () => {
  const url = ['--url', 'http://127.0.0.1:1'];
  await expect(run('push', '--url', 'grafana:3000')).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('it looks like http://127.0.0.1:3000'),
  });
  await expect(run('push', ...url, '--token', 'a\nb')).rejects.toMatchObject({ code: 'USAGE' });
  await expect(run('push', ...url, '--token', '')).rejects.toMatchObject({
    message: expect.stringContaining('--token or $GRAFANA_TOKEN is needed'),
  });
});

it('marks what has ended, the oldest first', async () => {
  const ended = { createdAt: '2025-01-01T00:00:00.000Z', endedAt: '2025-01-01T00:00:02.000Z' };
  const migration = { id: '1', vm: 'a1', source: 'alpha', target: 'beta', reason: 'it was too fast' };
  const lists = {
    listMigrations: [
      { ...migration, ...ended, phase: 'COMPLETED', downtimeMs: 12.4 },
      { ...migration, ...ended, id: '2', phase: 'FAILED', downtimeMs: null },
      { ...migration, ...ended, id: '3', phase: 'COPYING', downtimeMs: null, endedAt: null },
    ],
    listOperations: [
      {
        id: '4',
        verb: 'failover',
        target: 'vms/b1',
        done: true,
        progress: 'starting b1 on beta',
        error: null,
        ...ended,
        endedAt: '2025-01-01T00:00:01.000Z',
      },
      { id: '5', verb: 'start', target: 'vms/b1', done: true, progress: '', error: null, ...ended },
    ],
  };
  const list = (name: keyof typeof lists) => Promise.resolve(lists[name]);
  expect((await eventsOf({ list } as unknown as Client)).map(({ id, text }) => [id, text])).toEqual([
    ['failover:4', 'fail-over of b1: starting b1 on beta'],
    ['migration:1', 'a1 moved from alpha to beta, stood still for 12 ms'],
    ['migration:2', 'a1 stays on alpha: it was too fast'],
  ]);
});
