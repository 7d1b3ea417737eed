export { launchBrowser } from './browser';
export { OtlpCollector, type CollectedSpan } from './otlp-collector';
export { stateFolder, TestCluster, v3, type CommandResult, type V3Options } from './v3';
export { testNats, testPostgres } from './servers';
