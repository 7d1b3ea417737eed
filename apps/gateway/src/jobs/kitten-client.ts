import { Injectable } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { V3Error, type Call } from '@v3vee/contracts';
import type { z } from 'zod';

/** Asks the Kitten of a host. */
@Injectable()
export class KittenClient {
  constructor(private readonly bus: Bus) {}

  /** @throws V3Error HOST_NOT_READY where it does not answer, and whatever it answers */
  async ask<Q extends z.ZodType, R extends z.ZodType>(
    contract: Call<Q, R>,
    host: string,
    request: z.input<Q>,
  ): Promise<z.output<R>> {
    try {
      return await this.bus.call(contract, host, request);
    } catch (thrown) {
      const { code, message } = V3Error.from(thrown);
      if (code !== 'SERVICE_UNAVAILABLE' && code !== 'TIMEOUT') throw thrown;
      const detail = `host ${host} is not ready: its kitten does not answer (${message})`;
      throw new V3Error('HOST_NOT_READY', detail, { cause: thrown });
    }
  }
}
