import { open, rename, rm } from 'node:fs/promises';
import { V3Error } from '@v3vee/contracts';
import { interrupted } from './session';

/**
 * A file that appears when all of it is there.
 * @throws V3Error USAGE when there is one already, or it can't be written
 */
export async function writeNew(
  path: string,
  stream: AsyncIterable<Buffer>,
  onProgress: (bytes: number) => void,
): Promise<number> {
  const part = `${path}.part`;
  const file = await open(path, 'wx').catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EEXIST' ? 'exists already' : `can't be written (${cause.code})`;
    throw new V3Error('USAGE', `${path} ${why}; choose another name`, { cause });
  });
  let bytes = 0;
  try {
    await file.close();
    const half = await open(part, 'w');
    try {
      for await (const piece of stream) {
        await half.writeFile(piece);
        onProgress((bytes += piece.length));
      }
      await half.sync();
    } finally {
      await half.close();
    }
    interrupted.throwIfAborted();
    await rename(part, path);
    return bytes;
  } catch (thrown) {
    for (const each of [part, path]) await rm(each, { force: true });
    throw thrown;
  }
}
