import { Arrivals } from './arrivals';

const pair = (nics: number) => {
  const shared = new SharedArrayBuffer(Arrivals.bytes(nics));
  return { shared, sender: new Arrivals(shared), receiver: new Arrivals(shared) };
};

it('knows what was announced and has not arrived, for each NIC', () => {
  const { sender, receiver } = pair(2);
  expect(receiver.underWay(1)).toBe(false);
  sender.announce(1, 3);
  expect([receiver.underWay(0), receiver.underWay(1)]).toEqual([false, true]);
  receiver.received(1, 2);
  expect(receiver.underWay(1)).toBe(true);
  receiver.received(1, 1);
  expect(receiver.underWay(1)).toBe(false);
});

it('goes on when its counts wrap', () => {
  const { shared, sender, receiver } = pair(1);
  Atomics.store(new Int32Array(shared), 1, 0x7fffffff);
  receiver.received(0, 0x7fffffff);
  sender.announce(0, 2);
  expect(receiver.underWay(0)).toBe(true);
  receiver.received(0, 2);
  expect(receiver.underWay(0)).toBe(false);
});

it('ignores NICs that are not there, and leaves the wake word alone', () => {
  const { shared, sender } = pair(1);
  expect([sender.announce(-1, 1), sender.announce(1, 1), sender.announce(0, 1)]).toEqual([
    false,
    false,
    true,
  ]);
  expect(new Int32Array(shared)[0]).toBe(0);
});
