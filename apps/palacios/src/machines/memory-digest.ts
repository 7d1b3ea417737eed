import { createHash } from 'node:crypto';

/** Hashed at a time, so that others have their turn. */
const SLICE = 1 << 20;

const known = new WeakMap<Uint8Array, Promise<string>>();

/** SHA-256 of a guest's memory that does not change any more, in hexadecimal. */
export function memoryDigest(memory: Uint8Array): Promise<string> {
  let digest = known.get(memory);
  if (!digest) known.set(memory, (digest = hash(memory)));
  return digest;
}

async function hash(memory: Uint8Array): Promise<string> {
  const sum = createHash('sha256');
  for (let at = 0; at < memory.length; at += SLICE) {
    sum.update(memory.subarray(at, at + SLICE));
    await new Promise(resolve => setImmediate(resolve));
  }
  return sum.digest('hex');
}
