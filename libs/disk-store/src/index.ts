export { BLOCK_BYTES, Layer } from './layer';
export { LayeredDisk, type LayerFile } from './layered-disk';
export { DiskFolder, type Layers } from './disk-folder';
export { exportRaw, importRaw } from './raw';
