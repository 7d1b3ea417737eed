export type { PackageRequest } from './apt';
export { ensureChromium, type Chromium } from './chromium';
export { fetchPackages, unpackPackages, type FetchedPackage, type PackageOptions } from './debian-packages';
export {
  createFolder,
  readJson,
  removeLeftOvers,
  sha256,
  sha256File,
  syncFolder,
  temporaryName,
  writeFileAtomic,
} from './files';
export { ensureFirmware, type Firmware } from './firmware';
export { ensureImage, listBuiltinImages, type BuiltImage, type ImageOptions } from './image/build';
export { extractVmlinux, isBzImage, readBzImage, type BzImage } from './image/bzimage';
export { BadFormat, isElf, machineI386, readElf, segmentLoad, type Elf } from './image/elf';
export { imageDigest, imageManifestSchema, type ImageManifest } from './image/image-manifest';
export { withLock, type LockOptions } from './lock';
export { checkoutRoot, resolvePaths, type PathOptions, type Paths } from './paths';
export { createProgress, silentProgress, type Progress } from './progress';
export type { Daemon } from './daemon';
export { ensureNats, startNats, type NatsOptions, type NatsServer } from './nats';
export { natsAuthorization } from './nats-authorization';
export { freePort } from './ports';
export { ensurePostgres, startPostgres, type PostgresOptions, type PostgresServerOptions } from './postgres';
export { ensurePrometheus, startPrometheus, type Prometheus, type PrometheusOptions } from './prometheus';
