import { Injectable } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { V3Error, vnetCalls } from '@v3vee/contracts';
import { PinoLogger } from 'nestjs-pino';
import type { z } from 'zod';

export type VnetStatus = z.output<typeof vnetCalls.status.response>;

/** Asks the vnet service. It loads routes and links when it starts, so nothing is lost while it is away. */
@Injectable()
export class VnetClient {
  constructor(
    private readonly bus: Bus,
    private readonly log: PinoLogger,
  ) {
    log.setContext(VnetClient.name);
  }

  /**
   * After a change was committed: once this is answered, it is in force on every host.
   * @returns false when the service does not answer: the change stands and is in force when the service is back
   */
  async reload(): Promise<boolean> {
    try {
      await this.bus.call(vnetCalls.reload, undefined, {});
      return true;
    } catch (thrown) {
      this.log.warn(
        { err: thrown },
        'routes and links changed, but the vnet service did not take them up yet',
      );
      return false;
    }
  }

  /** Null when the service does not answer. */
  async status(): Promise<VnetStatus | null> {
    try {
      return await this.bus.call(vnetCalls.status, undefined, {});
    } catch (thrown) {
      this.log.debug({ err: V3Error.from(thrown) }, 'the vnet service did not tell its status');
      return null;
    }
  }
}
