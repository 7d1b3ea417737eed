import { Controller } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import {
  kittenCalls,
  V3Error,
  type Call,
  type HostMemory,
  type HostTask,
  type HostTasks,
} from '@v3vee/contracts';
import { HostRepository, VmRepository, type VmDefinition } from '@v3vee/store';
import type { z } from 'zod';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { HostDirectory } from './host-directory';

const GUEST = 'vm/';

/** What the kernels of hosts show, with VMs by their names. */
@Controller()
export class HostKernelController {
  constructor(
    private readonly bus: Bus,
    private readonly hosts: HostRepository,
    private readonly vms: VmRepository,
    private readonly directory: HostDirectory,
  ) {}

  @Endpoint('hostMemory')
  async memory(@Input() { params }: InputOf<'hostMemory'>): Promise<HostMemory> {
    const [memory, nameOf] = await Promise.all([this.ask(kittenCalls.memory, params.host, {}), this.names()]);
    return {
      ...memory,
      regions: memory.regions.map(region => ({ ...region, vm: nameOf(region.owner) })),
      aspaces: memory.aspaces.map(aspace => ({ ...aspace, vm: nameOf(aspace.name) })),
    };
  }

  @Endpoint('hostTasks')
  async tasks(@Input() { params }: InputOf<'hostTasks'>): Promise<HostTasks> {
    const [tasks, nameOf] = await Promise.all([this.ask(kittenCalls.tasks, params.host, {}), this.names()]);
    return { ...tasks, tasks: tasks.tasks.map(task => ({ ...task, vm: nameOf(task.name) })) };
  }

  @Endpoint('scheduleTask')
  async schedule(@Input() { params, body }: InputOf<'scheduleTask'>): Promise<HostTask> {
    const vm = await this.vms.find(body.task);
    const name = vm ? `${GUEST}${vm.id}` : body.task;
    const task = await this.ask(kittenCalls.schedule, params.host, { ...body, task: name }).catch(thrown => {
      const missing = vm && thrown instanceof V3Error && thrown.code === 'TASK_NOT_FOUND';
      throw missing ? notHere(vm, params.host) : thrown;
    });
    return { ...task, vm: vm?.name ?? null };
  }

  /** @throws V3Error HOST_NOT_FOUND, HOST_NOT_READY, and what its Kitten answers */
  private async ask<Q extends z.ZodType, R extends z.ZodType>(
    contract: Call<Q, R>,
    host: string,
    request: z.input<Q>,
  ): Promise<z.output<R>> {
    if (!(await this.hosts.find(host))) throw new V3Error('HOST_NOT_FOUND', `there is no host "${host}"`);
    const silence = this.directory.kittenSilence(host);
    if (silence) throw new V3Error('HOST_NOT_READY', `host ${host} is not ready: ${silence}`);
    return this.bus.call(contract, host, request).catch(thrown => {
      if (!(thrown instanceof V3Error) || thrown.code !== 'SERVICE_UNAVAILABLE') throw thrown;
      const detail = `host ${host} is not ready: its kitten does not answer (${thrown.message})`;
      throw new V3Error('HOST_NOT_READY', detail, { cause: thrown });
    });
  }

  /** From a task's name to that of its VM; null: it is none's, or its VM is not known any more. */
  private async names(): Promise<(task: string | null) => string | null> {
    const names = new Map((await this.vms.all()).map(({ id, name }) => [`${GUEST}${id}`, name]));
    return task => (task === null ? null : (names.get(task) ?? null));
  }
}

const notHere = ({ name, ownerHost }: VmDefinition, host: string) =>
  new V3Error(
    'TASK_NOT_FOUND',
    `VM ${name} has no core of ${host}; its host is ${ownerHost}, and it has one while it runs`,
  );
