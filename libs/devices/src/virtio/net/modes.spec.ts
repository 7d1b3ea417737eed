import { ADAPTIVE, DispatchMode } from './modes';

/** Lets `perSecond` frames per second pass for `ms` in turns of one millisecond; returns the time afterwards. */
function run(mode: DispatchMode, from: number, ms: number, perSecond: number): number {
  let passed = 0;
  for (let t = 1; t <= ms; t++) {
    const due = Math.floor((perSecond * t) / 1000);
    mode.note(due - passed);
    passed = due;
    mode.tick(from + t);
  }
  return from + ms;
}

function adaptive(): DispatchMode {
  const mode = new DispatchMode();
  mode.set('adaptive');
  mode.tick(1000);
  return mode;
}

it('is guest-driven until told otherwise', () => {
  const mode = new DispatchMode();
  run(mode, 0, 100, 1e6);
  expect(mode).toMatchObject({ mode: 'guest-driven', inForce: 'guest-driven', switches: 0 });
});

it.each(['guest-driven', 'vmm-driven'] as const)(
  'stays %s at any rate when that is what is asked for',
  fixed => {
    const mode = new DispatchMode();
    mode.set(fixed);
    run(mode, 0, 50, 1e6);
    run(mode, 50, 50, 0);
    expect(mode.inForce).toBe(fixed);
  },
);

describe('adaptive', () => {
  it.each([
    [0, 'guest-driven'],
    [999, 'guest-driven'],
    [9_000, 'guest-driven'],
    [ADAPTIVE.above, 'guest-driven'], // above, not at
    [11_000, 'vmm-driven'],
    [1e6, 'vmm-driven'],
  ])('starts guest-driven; at %i frames/s it is %s', (rate, expected) => {
    const mode = adaptive();
    run(mode, 1000, 50, rate);
    expect(mode.inForce).toBe(expected);
  });

  it.each([
    [0, 'guest-driven'],
    [500, 'guest-driven'],
    [1_500, 'vmm-driven'], // between the thresholds it stays
    [9_000, 'vmm-driven'],
  ])('when it was vmm-driven, at %i frames/s it is %s', (rate, expected) => {
    const mode = adaptive();
    const now = run(mode, 1000, 20, 50_000);
    expect(mode.inForce).toBe('vmm-driven');
    run(mode, now, 50, rate);
    expect(mode.inForce).toBe(expected);
  });

  it('decides at the end of a window, not within it', () => {
    const mode = adaptive();
    mode.note(100_000);
    expect(mode.tick(1000 + ADAPTIVE.windowMs - 0.1)).toBe(false);
    expect(mode.tick(1000 + ADAPTIVE.windowMs)).toBe(true);
    expect(mode.inForce).toBe('vmm-driven');
  });

  it('measures by the time that really passed when nobody looked for a while', () => {
    const mode = adaptive();
    mode.note(500); // 50,000/s had it been 10 ms, 5,000/s in 100 ms
    expect(mode.tick(1100)).toBe(false);
    expect(mode.inForce).toBe('guest-driven');
  });

  it('counts its switches, and those that it is told to make', () => {
    const mode = adaptive();
    const now = run(mode, 1000, 20, 50_000);
    run(mode, now, 20, 0);
    expect(mode.switches).toBe(2);
    expect(mode.set('vmm-driven')).toBe(true);
    expect(mode.set('vmm-driven')).toBe(false);
    expect(mode.set('adaptive')).toBe(true);
    expect(mode.switches).toBe(4);
    expect(mode.inForce).toBe('guest-driven');
  });
});
