import { Injectable } from '@nestjs/common';
import { ACCESS_POINTS, V3Error, type RadioConfig, type WifiPosition } from '@v3vee/contracts';
import { AccessPointRepository, RadioRepository, type AccessPointRecord } from '@v3vee/store';

/** The radios and access points that there are by definition. */
@Injectable()
export class Antennas {
  constructor(
    private readonly radios: RadioRepository,
    private readonly accessPoints: AccessPointRepository,
  ) {}

  /** @param id `alpha/radio0` @throws V3Error RADIO_NOT_FOUND that lists what there is */
  async radio(id: string): Promise<RadioConfig> {
    const all = await this.radios.all();
    const found = all.find(radio => radio.id === id);
    if (found) return found;
    const ids = all.map(radio => radio.id).join(', ') || 'none';
    throw new V3Error('RADIO_NOT_FOUND', `there is no radio "${id}"; radios are: ${ids}`);
  }

  /** @throws V3Error ACCESS_POINT_NOT_FOUND that lists what there is */
  async accessPoint(name: string): Promise<AccessPointRecord> {
    const found = await this.accessPoints.find(name);
    if (found) return found;
    const names = (await this.accessPoints.all()).map(accessPoint => accessPoint.name).join(', ') || 'none';
    throw new V3Error(
      'ACCESS_POINT_NOT_FOUND',
      `there is no access point "${name}"; access points are: ${names}`,
    );
  }

  /** @param id `alpha/radio0` or `ap/home` @throws V3Error RADIO_NOT_FOUND, ACCESS_POINT_NOT_FOUND */
  async assertThere(id: string): Promise<void> {
    const [accessPoint, name] = split(id);
    await (accessPoint ? this.accessPoint(name) : this.radio(id));
  }

  /** @throws V3Error RADIO_NOT_FOUND, ACCESS_POINT_NOT_FOUND */
  async move(id: string, position: WifiPosition | null): Promise<void> {
    await this.assertThere(id);
    const [accessPoint, name, host] = split(id);
    if (accessPoint) await this.accessPoints.update(name, { position });
    else await this.radios.setPosition(host, name, position);
  }

  /** @param snr dB; null: by position again @throws V3Error RADIO_NOT_FOUND, ACCESS_POINT_NOT_FOUND, INVALID_REQUEST */
  async setSnr(a: string, b: string, snr: number | null): Promise<void> {
    if (a === b) {
      const message = `${a} has no link with itself; name two antennas`;
      throw new V3Error('INVALID_REQUEST', `b: ${message}`, { fields: [{ path: 'b', message }] });
    }
    for (const id of [a, b]) await this.assertThere(id);
    await this.radios.setSnr(a, b, snr);
  }
}

function split(id: string): [isAccessPoint: boolean, name: string, host: string] {
  const [host = '', name = ''] = id.split('/');
  return [host === ACCESS_POINTS, name, host];
}
