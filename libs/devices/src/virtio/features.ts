/** Feature bits that are not tied to a device type (virtio 1.2, section 6). */
export const VIRTIO_F_INDIRECT_DESC = 28;
export const VIRTIO_F_EVENT_IDX = 29;
export const VIRTIO_F_VERSION_1 = 32;

/** A set of feature bits as a number that can be compared and stored. */
export const featureMask = (bits: readonly number[]): bigint =>
  bits.reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);

export const hasFeature = (mask: bigint, bit: number): boolean => ((mask >> BigInt(bit)) & 1n) === 1n;
