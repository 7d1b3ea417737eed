import { StoreFollower } from './store-follower';

const away = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });

describe('a follower of the store', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('asks a database that is away again, and says why it must', async () => {
    let isAway = true;
    let readings = 0;
    const failures: string[] = [];
    const follower = new StoreFollower(
      async () => {
        if (isAway) throw away;
        readings++;
      },
      ({ code }) => void failures.push(code),
    );
    await expect(follower.reload()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect([follower.loaded, failures]).toEqual([false, ['SERVICE_UNAVAILABLE']]);
    isAway = false;
    await jest.advanceTimersByTimeAsync(500);
    expect([follower.loaded, readings]).toEqual([true, 1]);
  });

  it('reads one after the other, in the order of asking', async () => {
    const order: string[] = [];
    let number = 0;
    const follower = new StoreFollower(
      async () => {
        const own = ++number;
        order.push(`from ${own}`);
        await new Promise(resolve => setTimeout(resolve, 100));
        order.push(`to ${own}`);
      },
      () => undefined,
    );
    const both = Promise.all([follower.reload(), follower.reload()]);
    await jest.advanceTimersByTimeAsync(300);
    await both;
    expect(order).toEqual(['from 1', 'to 1', 'from 2', 'to 2']);
  });

  it('reads no more after its end', async () => {
    let readings = 0;
    const follower = new StoreFollower(
      async () => {
        readings++;
        throw away;
      },
      () => undefined,
    );
    follower.reloadInTime();
    await jest.advanceTimersByTimeAsync(0);
    await follower.stop();
    follower.reloadInTime();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(readings).toBe(1);
  });
});
