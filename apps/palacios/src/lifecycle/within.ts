import { V3Error, type ErrorCode } from '@v3vee/contracts';

/** The promise's result, or an error when it takes longer than `ms`. The promise itself goes on unwatched. */
export async function within<T>(
  ms: number,
  promise: Promise<T>,
  late: { code: ErrorCode; detail: string },
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new V3Error(late.code, late.detail)), ms).unref();
  });
  try {
    return await Promise.race([promise, bound]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for the promise, but not longer than `ms`; says whether it came. */
export async function patiently(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<boolean>(resolve => (timer = setTimeout(() => resolve(false), ms).unref()));
  try {
    return await Promise.race([promise.then(() => true), bound]);
  } finally {
    clearTimeout(timer);
  }
}
