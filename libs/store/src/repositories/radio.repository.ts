import { defaultRadio, radioId, type FixedSnr, type RadioConfig, type WifiPosition } from '@v3vee/contracts';
import { DataSource } from 'typeorm';
import { HostEntity, WifiSnrEntity } from '../entities';
import { lockHosts } from './cards';

/** The radios that hosts are declared to have, and the SNRs that were set between radios and access points. */
export class RadioRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** As the wifi service runs them, by id. */
  async all(): Promise<RadioConfig[]> {
    const hosts = await this.dataSource.getRepository(HostEntity).find({ order: { name: 'ASC' } });
    return hosts
      .flatMap(({ name: host, radios }) =>
        radios.map(({ name, position = null, ...given }) => ({
          ...{ id: radioId(host, name), host, name, position, ...defaultRadio },
          ...given,
        })),
      )
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** @returns whether there is such a radio */
  setPosition(host: string, name: string, position: WifiPosition | null): Promise<boolean> {
    return this.dataSource.transaction(async manager => {
      await lockHosts(manager, [host]);
      const found = await manager.getRepository(HostEntity).findOneBy({ name: host });
      const radio = found?.radios.find(each => each.name === name);
      if (!found || !radio) return false;
      const { position: _, ...rest } = radio;
      const moved = position === null ? rest : { ...rest, position };
      const radios = found.radios.map(each => (each === radio ? moved : each));
      await manager.getRepository(HostEntity).update({ name: host }, { radios });
      return true;
    });
  }

  /** By `a`, then `b`. */
  snrs(): Promise<FixedSnr[]> {
    return this.dataSource.getRepository(WifiSnrEntity).find({ order: { a: 'ASC', b: 'ASC' } });
  }

  /** @param snr dB; null: by position again */
  async setSnr(one: string, other: string, snr: number | null): Promise<void> {
    const [a, b] = one < other ? [one, other] : [other, one];
    const rows = this.dataSource.getRepository(WifiSnrEntity);
    if (snr === null) await rows.delete({ a, b });
    else await rows.upsert({ a, b, snr }, ['a', 'b']);
  }
}
