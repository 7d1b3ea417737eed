/** Slow tests that run for many minutes: `./v3 test --soak`. */
const base = require('./jest.e2e.config.js');
module.exports = {
  ...base,
  testMatch: ['<rootDir>/{apps,libs}/*/src/**/*.soak.spec.ts'],
  testTimeout: 2 * 60 * 60_000,
};
