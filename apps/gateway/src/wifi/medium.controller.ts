import { Controller } from '@nestjs/common';
import type {
  AirtimeEntry,
  List,
  Station,
  WifiEvent,
  WifiLink,
  WifiPositionRequest,
  WifiSnrRequest,
} from '@v3vee/contracts';
import { AccessPointRepository, VmRepository } from '@v3vee/store';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { Antennas } from './antennas';
import { WifiClient } from './wifi-client';
import { airtimeEntries, stationView } from './wifi-views';

/** What is on the air: stations, airtime, links, events. */
@Controller()
export class MediumController {
  constructor(
    private readonly vms: VmRepository,
    private readonly accessPoints: AccessPointRepository,
    private readonly antennas: Antennas,
    private readonly wifi: WifiClient,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listStations')
  async stations(@Input() { query }: InputOf<'listStations'>): Promise<List<Station>> {
    const { pageSize, pageToken } = query;
    const [afterVm, afterIndex] =
      pageToken === undefined ? ['', -1] : (this.pages.open('stations', pageToken) as [string, number]);
    const [vms, status] = await Promise.all([this.vms.all(), this.wifi.status()]);
    const rows = vms
      .flatMap(vm => vm.wifi.map(nic => ({ vm, nic })))
      .filter(({ vm, nic }) => vm.name > afterVm || (vm.name === afterVm && nic.index > afterIndex));
    return this.pages.page(
      'stations',
      rows,
      pageSize,
      ({ vm, nic }) => [vm.name, nic.index],
      ({ vm, nic }) => stationView(vm, nic, status),
    );
  }

  @Endpoint('listAirtime')
  async airtime(@Input() { query }: InputOf<'listAirtime'>): Promise<List<AirtimeEntry>> {
    const [status, defined, vms] = await Promise.all([
      this.wifi.mustTell(),
      this.accessPoints.all(),
      this.vms.all(),
    ]);
    const names = new Map(vms.map(({ id, name }) => [id, name]));
    return this.pages.pageOfNow('airtime', airtimeEntries(status, defined, names), query);
  }

  @Endpoint('listWifiLinks')
  async links(@Input() { query }: InputOf<'listWifiLinks'>): Promise<List<WifiLink>> {
    return this.pages.pageOfNow('wifi-links', (await this.wifi.mustTell()).links, query);
  }

  @Endpoint('setWifiSnr')
  async setSnr(@Input() { body }: InputOf<'setWifiSnr'>): Promise<WifiSnrRequest> {
    await this.antennas.setSnr(body.a, body.b, body.snr);
    await this.wifi.reload();
    return body;
  }

  @Endpoint('setWifiPosition')
  async setPosition(@Input() { body }: InputOf<'setWifiPosition'>): Promise<WifiPositionRequest> {
    await this.antennas.move(body.id, body.position);
    await this.wifi.reload();
    return body;
  }

  @Endpoint('listWifiEvents')
  async events(@Input() { query }: InputOf<'listWifiEvents'>): Promise<List<WifiEvent>> {
    return this.pages.pageOfNow('wifi-events', (await this.wifi.mustTell()).events.toReversed(), query);
  }
}
