import { Controller } from '@nestjs/common';
import type { DmmDevice, List } from '@v3vee/contracts';
import { DmmPolicyRepository } from '@v3vee/store';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { DeviceDirectory } from './device-directory';
import { DeviceViews } from './device-views.service';
import { DmmClient } from './dmm-client';

@Controller()
export class DevicesController {
  constructor(
    private readonly devices: DeviceDirectory,
    private readonly views: DeviceViews,
    private readonly policies: DmmPolicyRepository,
    private readonly dmm: DmmClient,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listDevices')
  async list(@Input() { query }: InputOf<'listDevices'>): Promise<List<DmmDevice>> {
    const { pageSize, pageToken } = query;
    const after = pageToken === undefined ? '' : (this.pages.open('devices', pageToken) as string);
    const rows = (await this.devices.all()).filter(({ name }) => name > after);
    // Hosts are asked only for what is shown.
    const shown = await this.views.viewAll(rows.slice(0, pageSize));
    const page = this.pages.page(
      'devices',
      rows,
      pageSize,
      ({ name }) => name,
      ({ name }) => name,
    );
    return { ...page, items: shown };
  }

  @Endpoint('getDevice')
  async get(@Input() { params }: InputOf<'getDevice'>): Promise<DmmDevice> {
    return this.views.view(await this.devices.find(params.device));
  }

  @Endpoint('updateDevicePolicy')
  async updatePolicy(@Input() { params, body }: InputOf<'updateDevicePolicy'>): Promise<DmmDevice> {
    const device = await this.devices.find(params.device);
    await this.policies.save(device.name, body);
    await this.dmm.reload();
    return this.views.view(device);
  }
}
