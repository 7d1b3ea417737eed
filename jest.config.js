/** Unit and integration tests: every *.spec.ts beside the code it tests. End-to-end tests: jest.e2e.config.js. */
module.exports = {
  testMatch: ['<rootDir>/{apps,libs}/*/src/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '\\.e2e\\.spec\\.ts$', '\\.soak\\.spec\\.ts$'],
  modulePathIgnorePatterns: ['/dist/'],
  transform: { '^.+\\.ts$': ['@swc/jest', require('./jest.swc.js')] },
  moduleNameMapper: { '^@v3vee/([^/]+)$': '<rootDir>/libs/$1/src/index.ts' },
  testEnvironment: 'node',
  // Jest leaves one core alone, which is half of two; many tests wait for servers of theirs.
  maxWorkers: '100%',
  // A hang guard, not a measure: no test may depend on how fast the machine is.
  testTimeout: 60_000,
};
