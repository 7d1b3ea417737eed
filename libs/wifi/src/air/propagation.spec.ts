import { Propagation } from './propagation';

const radio = { id: 'alpha/radio0', txPower: 20 };
const AP = 'ap/home';

it('has free-space loss over the first metre and the exponent beyond', () => {
  const space = new Propagation({ pathLossExponent: 3 });
  space.setPosition(radio.id, [0, 0]);
  space.setPosition(AP, [0, 0]);
  // 20·log₁₀(2412) − 27.55 = 40.10; 5180 MHz: 46.74
  expect(space.signal(radio, AP, 2412)).toBeCloseTo(20 - 40.1, 1);
  expect(space.signal(radio, AP, 5180)).toBeCloseTo(20 - 46.74, 1);
  space.setPosition(AP, [6, 8]);
  expect(space.signal(radio, AP, 2412)).toBeCloseTo(20 - 40.1 - 30, 1);
  space.pathLossExponent = 2;
  expect(space.signal(radio, AP, 2412)).toBeCloseTo(20 - 40.1 - 20, 1);
});

it('has a fixed SNR both ways until it is taken back', () => {
  const space = new Propagation();
  space.setSnr(radio.id, AP, 12);
  expect(space.signal(radio, AP, 2412)).toBe(-79);
  expect(space.signal({ id: AP, txPower: 10 }, radio.id, 2412)).toBe(-79);
  space.setSnr(AP, radio.id, undefined);
  expect(space.signal(radio, AP, 2412)).toBe(-41);
});

it('says what is wrong with a setting', () => {
  const space = new Propagation();
  expect(() => space.setPosition(AP, [Number.NaN, 0])).toThrow('position x of ap/home in metres');
  expect(() => space.setPosition(AP, [0, 1e9])).toThrow('not 1000000000');
  expect(() => space.setSnr(AP, AP, 3)).toThrow('no link with itself');
  expect(() => space.setSnr(AP, radio.id, Infinity)).toThrow('an SNR between ap/home and alpha/radio0');
  expect(() => new Propagation({ pathLossExponent: 0 })).toThrow('a path loss exponent');
});
