import { jobLimits, type BodyOf, type Job, type JobOutput } from '@v3vee/contracts';
import { uploadBlob } from './blobs';
import type { Client } from './client';
import type { QueryOf } from './endpoint-types';

/** Until the longest wait for output is over, and some more. */
const WAIT_SECONDS = 20;
/** Reading and compiling a binary may take its time. */
const CREATE_MS = 45_000;

/**
 * Uploads a binary and runs it.
 * @throws V3Error as the gateway answers: JOB_BINARY_INVALID, HOST_CORES_EXHAUSTED, HOST_MEMORY_EXHAUSTED …
 */
export async function runJob(
  client: Client,
  { file, ...spec }: Omit<BodyOf<'createJob'>, 'binary'> & { file: string },
  signal?: AbortSignal,
): Promise<Job> {
  const binary = await uploadBlob(client, file, {
    most: jobLimits.binaryBytes,
    empty: 'JOB_BINARY_INVALID',
  });
  return client.call('createJob', {}, { body: { ...spec, binary }, timeoutMs: CREATE_MS, signal });
}

export interface JobPiece {
  rank: number;
  stream: 'stdout' | 'stderr';
  data: Buffer;
}

/** What a job printed and prints; with `follow`, until it has ended. */
export async function* readJobOutput(
  client: Client,
  job: string,
  {
    follow = false,
    signal,
    ...query
  }: Pick<QueryOf<'jobOutput'>, 'rank' | 'stream'> & { follow?: boolean; signal?: AbortSignal } = {},
): AsyncGenerator<JobPiece> {
  for (let after = 0; ;) {
    const answer: JobOutput = await client.call(
      'jobOutput',
      { job },
      { query: { ...query, after, waitSeconds: follow ? WAIT_SECONDS : 0 }, signal },
    );
    for (const { data, ...of } of answer.pieces) yield { ...of, data: Buffer.from(data, 'base64') };
    if (answer.ended || (!follow && answer.next === after)) return;
    after = answer.next;
  }
}
