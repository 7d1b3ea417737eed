import { Controller } from '@nestjs/common';
import type { List, VnetInterface } from '@v3vee/contracts';
import { VmRepository, type NicDefinition, type VmDefinition } from '@v3vee/store';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { interfaceView, NicSettingsService } from '../vms/nic-settings.service';
import { VmDefinitions } from '../vms/vm-definitions.service';
import { VnetClient, type VnetStatus } from './vnet-client';

/** NICs as the overlay sees them. */
@Controller()
export class InterfacesController {
  constructor(
    private readonly vms: VmRepository,
    private readonly definitions: VmDefinitions,
    private readonly settings: NicSettingsService,
    private readonly vnet: VnetClient,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listInterfaces')
  async list(@Input() { query }: InputOf<'listInterfaces'>): Promise<List<VnetInterface>> {
    const { pageSize, pageToken } = query;
    const [vms, status] = await Promise.all([this.vms.all(), this.vnet.status()]);
    const [afterVm, afterIndex] =
      pageToken === undefined ? ['', -1] : (this.pages.open('interfaces', pageToken) as [string, number]);
    const rows = vms
      .flatMap(vm => vm.nics.map(nic => ({ vm, nic })))
      .filter(({ vm, nic }) => vm.name > afterVm || (vm.name === afterVm && nic.index > afterIndex));
    return this.pages.page(
      'interfaces',
      rows,
      pageSize,
      ({ vm, nic }) => [vm.name, nic.index],
      ({ vm, nic }) => view(vm, nic, status),
    );
  }

  @Endpoint('updateNic')
  async update(@Input() { params, body, caller }: InputOf<'updateNic'>): Promise<VnetInterface> {
    const vm = await this.definitions.find(params.vm);
    const nic = await this.settings.patch(vm, params.nic, body, caller);
    return view(vm, nic, await this.vnet.status());
  }
}

function view(vm: VmDefinition, nic: NicDefinition, status: VnetStatus | null): VnetInterface {
  const attached = status?.automatic.some(({ to }) => to.type === 'interface' && to.mac === nic.mac) ?? null;
  return interfaceView(vm, nic, attached);
}
