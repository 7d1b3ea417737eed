import { Injectable } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { V3Error, wifiCalls } from '@v3vee/contracts';
import { PinoLogger } from 'nestjs-pino';
import type { z } from 'zod';

export type WifiStatus = z.output<typeof wifiCalls.status.response>;

/** Asks the wifi service. It loads radios and access points when it starts, so nothing is lost while it is away. */
@Injectable()
export class WifiClient {
  constructor(
    private readonly bus: Bus,
    private readonly log: PinoLogger,
  ) {
    log.setContext(WifiClient.name);
  }

  /** After a change was committed. When the service does not answer, it is in force once that is back. */
  async reload(): Promise<void> {
    try {
      await this.bus.call(wifiCalls.reload, undefined, {});
    } catch (thrown) {
      this.log.warn(
        { err: thrown },
        'radios or access points changed, but the wifi service did not take them up yet',
      );
    }
  }

  /** Null when the service does not answer. */
  async status(): Promise<WifiStatus | null> {
    try {
      return await this.mustTell();
    } catch (thrown) {
      this.log.debug({ err: V3Error.from(thrown) }, 'the wifi service did not tell its status');
      return null;
    }
  }

  /** @throws V3Error SERVICE_UNAVAILABLE */
  mustTell(): Promise<WifiStatus> {
    return answered(this.bus.call(wifiCalls.status, undefined, {}));
  }

  /** @throws V3Error ACCESS_POINT_NOT_FOUND, STATION_NOT_FOUND, SERVICE_UNAVAILABLE */
  async deauthenticate(accessPoint: string, address: string): Promise<void> {
    await answered(this.bus.call(wifiCalls.deauthenticate, undefined, { accessPoint, address }));
  }
}

/** Silence has one name, whether nobody listens or nobody answers in time. */
export async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    const { code } = V3Error.from(thrown);
    if (code !== 'SERVICE_UNAVAILABLE' && code !== 'TIMEOUT') throw thrown;
    throw new V3Error('SERVICE_UNAVAILABLE', 'the wifi service does not answer; try again in a moment', {
      cause: thrown,
    });
  }
}
