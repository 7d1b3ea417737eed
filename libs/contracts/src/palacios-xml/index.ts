export { deviceClasses, type DeviceRole } from './devices';
export { readPalaciosXml, type PalaciosVm, type ReadOptions } from './read';
export { MAX_XML_BYTES } from './tree';
export { writePalaciosXml } from './write';
