import { Cluster } from './cluster';
import type { Running, Unit } from './unit';

describe('Cluster', () => {
  const order: string[] = [];
  beforeEach(() => order.splice(0));

  /** Notes when it is started and stopped; `ready` lets the test decide when it is ready. */
  function unit(name: string, ready: Promise<void> = Promise.resolve()): Unit {
    return {
      name,
      async start(): Promise<Running> {
        order.push(`+${name}`);
        await ready;
        let end: (why: string) => void = () => {};
        const exited = new Promise<string>(resolve => (end = resolve));
        const stop = async () => {
          order.push(`-${name}`);
          end('stopped');
        };
        return { pid: 1, url: null, exited, stop, kill: () => end('killed') };
      },
    };
  }
  const members = (databaseReady?: Promise<void>) => [
    { unit: unit('palacios'), after: ['gateway', 'kitten'] },
    { unit: unit('kitten'), after: ['nats'] },
    { unit: unit('gateway'), after: ['nats', 'postgres'] },
    { unit: unit('nats'), after: [] },
    { unit: unit('postgres', databaseReady), after: [] },
  ];

  it('starts each when what it needs is ready, and stops in the reverse order', async () => {
    let databaseIsReady: () => void = () => {};
    const cluster = new Cluster();
    const started = cluster.start(members(new Promise(resolve => (databaseIsReady = resolve))));
    const state = (name: string) => cluster.services.find(service => service.name === name)?.state;
    while (state('kitten') !== 'ready') await new Promise(setImmediate);
    expect(state('gateway')).toBe('waiting');
    databaseIsReady();
    await started;
    const index = (entry: string) => order.indexOf(entry);
    expect(index('+gateway')).toBeGreaterThan(index('+postgres'));
    expect(order.at(-1)).toBe('+palacios');
    await cluster.stop();
    expect(order.slice(5)[0]).toBe('-palacios');
    expect(index('-nats')).toBeGreaterThan(index('-gateway'));
    expect(index('-nats')).toBeGreaterThan(index('-kitten'));
    expect(cluster.services).toEqual([]);
  });

  it('stops and adds some while the others run on', async () => {
    const cluster = new Cluster();
    await cluster.start(members());
    order.splice(0);
    await cluster.stop(['kitten', 'palacios']);
    expect(order).toEqual(['-palacios', '-kitten']);
    await cluster.start([{ unit: unit('kitten'), after: ['nats'] }]);
    expect(order.at(-1)).toBe('+kitten');
    await cluster.stop();
  });

  it('says which one does not start, and can still be stopped', async () => {
    const failing: Unit = { name: 'postgres', start: () => Promise.reject(new Error('no space')) };
    const cluster = new Cluster({ initialMs: 1, maxMs: 1, healthyMs: 1, startAttempts: 2 });
    const all = members().map(member =>
      member.unit.name === 'postgres' ? { unit: failing, after: [] } : member,
    );
    await expect(cluster.start(all)).rejects.toMatchObject({
      code: 'PROCESS_FAILED',
      message: 'postgres does not start: no space',
    });
    await cluster.stop();
    expect(order).not.toContain('+gateway');
  });
});
