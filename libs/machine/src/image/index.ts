export {
  ImageStore,
  type ImageImport,
  type ImageRoots,
  type LoadedImage,
  type StoredImage,
} from './image-store';
export { checkInitrd } from './initrd-check';
export { checkKernel, type CheckedKernel } from './kernel-check';
