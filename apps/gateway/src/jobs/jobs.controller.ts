import { readFile } from 'node:fs/promises';
import { Controller } from '@nestjs/common';
import {
  jobCalls,
  jobLimits,
  readJobId,
  V3Error,
  type Job,
  type JobOutput,
  type List,
} from '@v3vee/contracts';
import { HostRepository } from '@v3vee/store';
import { HostDirectory } from '../hosts/host-directory';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { BlobStore } from '../images/blob-store';
import { KittenClient } from './kitten-client';

/** Native jobs. Their Kitten alone knows them; a job's name says which one to ask. */
@Controller()
export class JobsController {
  constructor(
    private readonly kittens: KittenClient,
    private readonly hosts: HostRepository,
    private readonly directory: HostDirectory,
    private readonly blobs: BlobStore,
    private readonly pages: PageTokens,
  ) {}

  /** Of all hosts whose Kitten is heard. */
  @Endpoint('listJobs')
  async list(@Input() { query }: InputOf<'listJobs'>): Promise<List<Job>> {
    if (query.host !== undefined) await this.requireHost(query.host);
    const heard = (await this.hosts.all()).filter(({ name }) => this.directory.inventory(name));
    const asked = query.host === undefined ? heard.map(({ name }) => name) : [query.host];
    const lists = await Promise.all(asked.map(host => this.kittens.ask(jobCalls.list, host, {})));
    const jobs = lists.flatMap(answer => answer.jobs);
    jobs.sort((a, b) =>
      a.createdAt === b.createdAt ? compare(a.id, b.id) : compare(a.createdAt, b.createdAt),
    );
    return this.pages.pageOfNow(`jobs/${query.host ?? ''}`, jobs, query);
  }

  @Endpoint('getJob')
  get(@Input() { params }: InputOf<'getJob'>): Promise<Job> {
    return this.ofHost(params.job, host => this.kittens.ask(jobCalls.get, host, params));
  }

  @Endpoint('createJob')
  async create(@Input() { body }: InputOf<'createJob'>): Promise<Job> {
    const { host: wanted, binary, ...order } = body;
    const host = wanted ?? (await this.emptiestHost(order.ranks));
    await this.requireOpen(host);
    const content = await readFile(await this.blobs.path(binary, jobLimits.binaryBytes));
    const job = await this.kittens.ask(jobCalls.create, host, {
      ...order,
      binary: content.toString('base64'),
    });
    await this.blobs.remove(binary);
    return job;
  }

  @Endpoint('killJob')
  kill(@Input() { params }: InputOf<'killJob'>): Promise<Job> {
    return this.ofHost(params.job, host => this.kittens.ask(jobCalls.kill, host, params));
  }

  @Endpoint('deleteJob')
  delete(@Input() { params }: InputOf<'deleteJob'>): Promise<object> {
    return this.ofHost(params.job, host => this.kittens.ask(jobCalls.delete, host, params));
  }

  @Endpoint('jobOutput')
  output(@Input() { params, query }: InputOf<'jobOutput'>): Promise<JobOutput> {
    return this.ofHost(params.job, host => this.kittens.ask(jobCalls.output, host, { ...params, ...query }));
  }

  private async ofHost<T>(id: string, ask: (host: string) => Promise<T>): Promise<T> {
    const known = readJobId(id);
    if (!known || !(await this.hosts.find(known.host))) {
      throw new V3Error('JOB_NOT_FOUND', `there is no job "${id}"; a job is named like alpha-1f2e3d4c-1`);
    }
    return ask(known.host);
  }

  /** @throws V3Error HOST_NOT_READY where no host is */
  private async emptiestHost(ranks: number): Promise<string> {
    const candidates = (await this.hosts.all())
      .filter(({ cordoned }) => !cordoned)
      .flatMap(({ name }) => {
        const inventory = this.directory.inventory(name);
        return inventory ? [{ name, free: inventory.coresFree }] : [];
      });
    candidates.sort((a, b) => b.free - a.free || compare(a.name, b.name));
    const [best] = candidates;
    if (best) return best.name;
    throw new V3Error(
      'HOST_NOT_READY',
      `no host that is not cordoned answers; a job of ${ranks} ranks needs one`,
    );
  }

  private async requireOpen(host: string): Promise<void> {
    const { cordoned } = await this.requireHost(host);
    if (cordoned) throw new V3Error('HOST_CORDONED', `host ${host} is cordoned: it gets no jobs either`);
  }

  private async requireHost(name: string) {
    const host = await this.hosts.find(name);
    if (!host) throw new V3Error('HOST_NOT_FOUND', `there is no host "${name}"`);
    return host;
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
