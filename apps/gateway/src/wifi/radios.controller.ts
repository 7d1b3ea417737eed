import { Controller } from '@nestjs/common';
import { radioId, type Bss, type List, type RadioView } from '@v3vee/contracts';
import { RadioRepository, VmRepository } from '@v3vee/store';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { Antennas } from './antennas';
import { WifiClient } from './wifi-client';
import { radioView } from './wifi-views';

@Controller()
export class RadiosController {
  constructor(
    private readonly radios: RadioRepository,
    private readonly vms: VmRepository,
    private readonly antennas: Antennas,
    private readonly wifi: WifiClient,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listRadios')
  async list(@Input() { query }: InputOf<'listRadios'>): Promise<List<RadioView>> {
    const { pageSize, pageToken } = query;
    const after = pageToken === undefined ? '' : (this.pages.open('radios', pageToken) as string);
    const [all, users, status] = await Promise.all([this.radios.all(), this.users(), this.wifi.status()]);
    return this.pages.page(
      'radios',
      all.filter(({ id }) => id > after),
      pageSize,
      ({ id }) => id,
      radio => radioView(radio, users.get(radio.id) ?? 0, status),
    );
  }

  @Endpoint('getRadio')
  async get(@Input() { params }: InputOf<'getRadio'>): Promise<RadioView> {
    const radio = await this.antennas.radio(params.radio);
    const [users, status] = await Promise.all([this.users(), this.wifi.status()]);
    return radioView(radio, users.get(radio.id) ?? 0, status);
  }

  @Endpoint('listBss')
  async bss(@Input() { params, query }: InputOf<'listBss'>): Promise<List<Bss>> {
    const { id } = await this.antennas.radio(params.radio);
    const { radios } = await this.wifi.mustTell();
    const heard = radios.find(radio => radio.id === id)?.bss ?? [];
    return this.pages.pageOfNow(`bss/${id}`, heard, query);
  }

  /** How many Wi-Fi NICs each radio has by definition. */
  private async users(): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const { ownerHost, wifi } of await this.vms.all()) {
      for (const { radio } of wifi) {
        const id = radioId(ownerHost, radio);
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
    }
    return counts;
  }
}
