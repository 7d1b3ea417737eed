/** End-to-end tests: whole clusters with real guests. Two at a time: one alone leaves a core idle while it waits. */
const base = require('./jest.config.js');
module.exports = {
  ...base,
  testMatch: ['<rootDir>/{apps,libs}/*/src/**/*.e2e.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  maxWorkers: 2,
  testTimeout: 300_000,
};
