import { FairQueue } from './fair-queue';

function setUp(limits: { items: number; bytes: number }) {
  const lost: string[] = [];
  const queue = new FairQueue<string>(limits, item => lost.push(item));
  const all = () => {
    const items: string[] = [];
    queue.release(item => items.push(item) < 0);
    return items.join(' ');
  };
  return { queue, lost, all };
}

describe('a fair queue', () => {
  it('lets the oldest of who has most give way', () => {
    const { queue, lost, all } = setUp({ items: 4, bytes: 1000 });
    for (const item of ['a1', 'b1', 'a2', 'a3', 'a4', 'a5', 'b2', 'c1']) queue.add(item[0]!, item, 1);
    expect([all(), lost.join(' ')]).toEqual(['b1 a5 b2 c1', 'a1 a2 a3 a4']);
  });

  it('counts bytes as well, and knows what it gave back', () => {
    const { queue, lost, all } = setUp({ items: 100, bytes: 10 });
    queue.add('a', 'a1', 6);
    queue.add('b', 'b1', 4);
    queue.add('b', 'b2', 4);
    expect([all(), lost.join(' ')]).toEqual(['a1 b2', 'b1']);
    queue.release(item => item === 'a1');
    queue.add('c', 'c1', 6);
    expect([all(), lost.join(' '), queue.size]).toEqual(['b2 c1', 'b1', 2]);
    queue.add('d', 'd1', 11);
    expect([all(), lost.join(' ')]).toEqual(['b2 c1', 'b1 d1']);
  });
});
