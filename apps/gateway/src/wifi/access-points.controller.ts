import { Controller } from '@nestjs/common';
import { V3Error, type AccessPoint, type List } from '@v3vee/contracts';
import { AccessPointRepository, VmRepository, type AccessPointRecord } from '@v3vee/store';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { AccessPoints } from './access-points.service';
import { Antennas } from './antennas';
import { WifiClient } from './wifi-client';
import { accessPointView, nicName } from './wifi-views';

@Controller()
export class AccessPointsController {
  constructor(
    private readonly accessPoints: AccessPointRepository,
    private readonly changes: AccessPoints,
    private readonly vms: VmRepository,
    private readonly antennas: Antennas,
    private readonly wifi: WifiClient,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listAccessPoints')
  async list(@Input() { query }: InputOf<'listAccessPoints'>): Promise<List<AccessPoint>> {
    const { pageSize, pageToken } = query;
    const after =
      pageToken === undefined ? undefined : (this.pages.open('access-points', pageToken) as string);
    const [rows, status] = await Promise.all([
      this.accessPoints.list({ after, limit: pageSize + 1 }),
      this.wifi.status(),
    ]);
    return this.pages.page(
      'access-points',
      rows,
      pageSize,
      ({ name }) => name,
      record => accessPointView(record, status),
    );
  }

  @Endpoint('getAccessPoint')
  async get(@Input() { params }: InputOf<'getAccessPoint'>): Promise<AccessPoint> {
    return this.view(await this.antennas.accessPoint(params.accessPoint));
  }

  @Endpoint('createAccessPoint')
  async create(@Input() { body }: InputOf<'createAccessPoint'>): Promise<AccessPoint> {
    const record = await this.changes.create(body, false);
    await this.wifi.reload();
    return this.view(record);
  }

  @Endpoint('updateAccessPoint')
  async update(@Input() { params, body }: InputOf<'updateAccessPoint'>): Promise<AccessPoint> {
    const { name } = await this.antennas.accessPoint(params.accessPoint);
    const record = await this.changes.change(name, body);
    await this.wifi.reload();
    return this.view(record);
  }

  @Endpoint('deleteAccessPoint')
  async delete(@Input() { params }: InputOf<'deleteAccessPoint'>): Promise<object> {
    const { name } = await this.antennas.accessPoint(params.accessPoint);
    await this.accessPoints.remove(name);
    await this.wifi.reload();
    return {};
  }

  @Endpoint('deauthenticateStation')
  async deauthenticate(@Input() { params, body }: InputOf<'deauthenticateStation'>): Promise<object> {
    const { name } = await this.antennas.accessPoint(params.accessPoint);
    await this.wifi.deauthenticate(name, await this.addressOf(body.station));
    return {};
  }

  /** Of a NIC (`a1/wlan0`), or as it is. @throws V3Error STATION_NOT_FOUND */
  private async addressOf(station: string): Promise<string> {
    if (!station.includes('/')) return station;
    const nics = (await this.vms.all()).flatMap(vm =>
      vm.wifi.map(({ index, mac }) => ({ name: nicName(vm.name, index), mac })),
    );
    const found = nics.find(({ name }) => name === station);
    if (found) return found.mac;
    const names = nics.map(({ name }) => name).join(', ') || 'none';
    throw new V3Error('STATION_NOT_FOUND', `there is no Wi-Fi NIC ${station}; Wi-Fi NICs are: ${names}`);
  }

  private async view(record: AccessPointRecord): Promise<AccessPoint> {
    return accessPointView(record, await this.wifi.status());
  }
}
