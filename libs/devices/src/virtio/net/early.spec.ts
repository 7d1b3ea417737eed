import { EarlyInterrupts } from './early';

function on(): EarlyInterrupts {
  const early = new EarlyInterrupts();
  early.enabled = true;
  return early;
}

it('injects nothing unless it is on', () => {
  const early = new EarlyInterrupts();
  expect(early.expect()).toBe(false);
  expect(early.injected).toBe(0);
});

it('is not spurious if the frames are there when the driver looks', () => {
  const early = on();
  expect(early.expect()).toBe(true);
  early.delivered();
  early.acknowledged();
  expect(early).toMatchObject({ injected: 1, spurious: 0 });
});

it('is spurious, once, if the driver looks before a frame is there', () => {
  const early = on();
  early.expect();
  early.acknowledged();
  early.acknowledged();
  expect(early).toMatchObject({ injected: 1, spurious: 1 });
});

it('injects one per arrival, so that at most every second interrupt is for nothing', () => {
  const early = on();
  expect([early.expect(), early.expect()]).toEqual([true, false]);
  early.acknowledged();
  expect(early.expect()).toBe(false);
  early.delivered();
  expect(early.expect()).toBe(true);
});
