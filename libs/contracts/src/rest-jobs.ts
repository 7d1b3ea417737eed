/** Native jobs' part of the REST table. */
import { z } from 'zod';
import { job, jobOutput, jobOutputQuery, jobSpec } from './jobs';
import { resourceName } from './quantities';
import { list } from './resources';
import { endpoint, nothing, page, repeatable } from './rest-endpoint';

const noBody = z.strictObject({}).optional();

export const jobEndpoints = {
  listJobs: endpoint({
    method: 'GET',
    path: '/jobs',
    summary: 'List native jobs; those of a Kitten that was restarted are gone',
    tag: 'jobs',
    access: ['viewer', 'cluster'],
    query: page.extend({ host: resourceName.optional() }),
    response: list(job),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID', 'HOST_NOT_FOUND', 'HOST_NOT_READY'],
  }),
  getJob: endpoint({
    method: 'GET',
    path: '/jobs/{job}',
    summary: 'Show a native job',
    tag: 'jobs',
    access: ['viewer', 'cluster'],
    response: job,
    status: 200,
    errors: ['JOB_NOT_FOUND', 'HOST_NOT_READY'],
  }),
  createJob: endpoint({
    method: 'POST',
    path: '/jobs',
    summary: 'Run an uploaded WebAssembly program, each rank on a core of its own',
    tag: 'jobs',
    access: ['operator', 'cluster'],
    query: repeatable,
    body: jobSpec,
    response: job,
    status: 201,
    errors: [
      'BLOB_NOT_FOUND',
      'BODY_TOO_LARGE',
      'JOB_BINARY_INVALID',
      'HOST_NOT_FOUND',
      'HOST_NOT_READY',
      'HOST_CORDONED',
      'HOST_MEMORY_EXHAUSTED',
      'HOST_CORES_EXHAUSTED',
      'HOST_NOT_CLAIMED',
      'REQUEST_ID_REUSED',
    ],
  }),
  killJob: endpoint({
    method: 'POST',
    path: '/jobs/{job}:kill',
    summary: 'End all its ranks; of a job that has ended nothing changes',
    tag: 'jobs',
    access: ['operator', 'cluster'],
    query: repeatable,
    body: noBody,
    response: job,
    status: 200,
    errors: ['JOB_NOT_FOUND', 'HOST_NOT_READY'],
  }),
  deleteJob: endpoint({
    method: 'DELETE',
    path: '/jobs/{job}',
    summary: 'Forget a job that has ended, and its output',
    tag: 'jobs',
    access: ['operator', 'cluster'],
    query: repeatable,
    response: nothing,
    status: 200,
    errors: ['JOB_NOT_FOUND', 'JOB_WRONG_STATE', 'HOST_NOT_READY'],
  }),
  jobOutput: endpoint({
    method: 'GET',
    path: '/jobs/{job}/output',
    summary: 'What its ranks printed, in the order in which it came',
    tag: 'jobs',
    access: ['viewer', 'cluster'],
    query: jobOutputQuery,
    response: jobOutput,
    status: 200,
    errors: ['JOB_NOT_FOUND', 'HOST_NOT_READY'],
  }),
} as const;
