/** End-to-end tests: whole clusters with real guests. Three at a time: they wait much of their time. */
const base = require('./jest.config.js');
module.exports = {
  ...base,
  testMatch: ['<rootDir>/{apps,libs}/*/src/**/*.e2e.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  maxWorkers: 3,
  testTimeout: 300_000,
};
