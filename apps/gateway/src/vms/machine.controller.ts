import { Controller } from '@nestjs/common';
import type { Balloon, ExitTable, MemoryMap, ResponseOf } from '@v3vee/contracts';
import { PalaciosClient } from '../hosts/palacios-client';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { VmVerbs } from './vm-verbs.service';

/** What is seen and changed of a VM's machine from outside: exits, memory, balloon. */
@Controller()
export class MachineController {
  constructor(
    private readonly verbs: VmVerbs,
    private readonly palacios: PalaciosClient,
  ) {}

  @Endpoint('vmExits')
  async exits(@Input() { params }: InputOf<'vmExits'>): Promise<ExitTable> {
    const { vm, host, exits, ports, hypercalls, yields } = await this.verbs.telemetry(params.vm);
    return { vm, host, exits, ports, hypercalls, yields };
  }

  @Endpoint('vmMemoryMap')
  async map(@Input() { params }: InputOf<'vmMemoryMap'>): Promise<MemoryMap> {
    const { id, ownerHost } = await this.verbs.inState('memory', params.vm, 'its memory map');
    return this.palacios.call('memoryMap', ownerHost, { vmId: id });
  }

  @Endpoint('readVmMemory')
  async read(@Input() { params, query }: InputOf<'readVmMemory'>): Promise<ResponseOf<'readVmMemory'>> {
    const { id, ownerHost } = await this.verbs.inState('memory', params.vm, 'reading memory');
    return this.palacios.call('memoryRead', ownerHost, { vmId: id, ...query });
  }

  @Endpoint('writeVmMemory')
  async write(@Input() { params, body }: InputOf<'writeVmMemory'>): Promise<object> {
    const { id, ownerHost } = await this.verbs.inState('memory', params.vm, 'writing memory');
    return this.palacios.call('memoryWrite', ownerHost, { vmId: id, ...body });
  }

  @Endpoint('hashVmMemory')
  async hash(@Input() { params, query }: InputOf<'hashVmMemory'>): Promise<ResponseOf<'hashVmMemory'>> {
    const { id, ownerHost } = await this.verbs.inState('memory', params.vm, 'hashing memory');
    return this.palacios.call('memoryHash', ownerHost, { vmId: id, ...query });
  }

  @Endpoint('searchVmMemory')
  async search(@Input() { params, query }: InputOf<'searchVmMemory'>): Promise<ResponseOf<'searchVmMemory'>> {
    const { id, ownerHost } = await this.verbs.inState('memory', params.vm, 'searching memory');
    return this.palacios.call('memorySearch', ownerHost, { vmId: id, ...query });
  }

  @Endpoint('balloonVm')
  async balloon(@Input() { params, body }: InputOf<'balloonVm'>): Promise<Balloon> {
    const { id, ownerHost } = await this.verbs.inState('balloon', params.vm);
    return this.palacios.call('balloon', ownerHost, { vmId: id, ...body });
  }
}
