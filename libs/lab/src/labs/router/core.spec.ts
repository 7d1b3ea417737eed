import { coreWith } from './core';

/** How fast does not matter here; each throws when frames or lookups take another way than the one it measures. */
it.each([1, 1000])('the core is measured with %i routes', routes => {
  const core = coreWith(routes);
  for (const measure of [core.hitNs, core.missNs, core.hitFrames, core.missFrames]) {
    expect(measure()).toBeGreaterThan(0);
  }
});
