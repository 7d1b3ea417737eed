/** Slow tests that run for many minutes: `./v3 test --soak`. One after the other, because each wants the machine. */
const base = require('./jest.e2e.config.js');
module.exports = {
  ...base,
  testMatch: ['<rootDir>/{apps,libs}/*/src/**/*.soak.spec.ts'],
  maxWorkers: 1,
  testTimeout: 2 * 60 * 60_000,
};
