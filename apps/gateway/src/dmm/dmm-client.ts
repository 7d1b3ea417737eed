import { Injectable } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { dmmCalls, V3Error, type ErrorCode, type HookRule } from '@v3vee/contracts';
import { PinoLogger } from 'nestjs-pino';

const silence: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['SERVICE_UNAVAILABLE', 'TIMEOUT']);

/** Asks the device modeling monitor. It reads policies when it starts, so nothing is lost while it is away. */
@Injectable()
export class DmmClient {
  constructor(
    private readonly bus: Bus,
    private readonly log: PinoLogger,
  ) {
    log.setContext(DmmClient.name);
  }

  /** The hooked I/O list in force for the holder of a card; null when the service does not answer. */
  async hooks(host: string, nic: string): Promise<HookRule[] | null> {
    try {
      return (await this.bus.call(dmmCalls.hooks, undefined, { host, nic })).hooks;
    } catch (thrown) {
      const error = V3Error.from(thrown);
      this.log.debug({ err: error }, `the dmm service did not tell the hooks of ${host}/${nic}`);
      // It is there, but knows nothing of this card yet.
      return silence.has(error.code) ? null : [];
    }
  }

  /** After policies were changed. When the service does not answer, they are in force once it is back. */
  async reload(): Promise<void> {
    try {
      await this.bus.call(dmmCalls.reload, undefined, {});
    } catch (thrown) {
      this.log.warn({ err: thrown }, 'a policy changed, but the dmm service did not take it up yet');
    }
  }
}
