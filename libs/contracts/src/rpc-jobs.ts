/** What Kitten is asked about its native jobs. It keeps them in memory alone: they end with it. */
import { z } from 'zod';
import { job, jobId, jobOrder, jobOutput, jobOutputQuery } from './jobs';
import { call, empty } from './rpc-call';

const ofJob = z.object({ job: jobId });

export const jobCalls = {
  /** JOB_BINARY_INVALID, HOST_MEMORY_EXHAUSTED, HOST_CORES_EXHAUSTED, HOST_NOT_CLAIMED, INVALID_REQUEST; answered when its ranks have been started. */
  create: call('kitten.{host}.job.create', jobOrder, job, 30_000),
  list: call('kitten.{host}.job.list', empty, z.object({ jobs: z.array(job) })),
  /** JOB_NOT_FOUND says whether it was of an earlier Kitten. */
  get: call('kitten.{host}.job.get', ofJob, job),
  kill: call('kitten.{host}.job.kill', ofJob, job, 10_000),
  delete: call('kitten.{host}.job.delete', ofJob, empty),
  output: call('kitten.{host}.job.output', ofJob.extend(jobOutputQuery.shape), jobOutput, 30_000),
};
