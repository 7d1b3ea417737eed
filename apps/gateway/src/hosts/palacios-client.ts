import { Injectable } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { palaciosCalls, V3Error, type Call, type PalaciosVerb } from '@v3vee/contracts';
import type { z } from 'zod';
import { HostDirectory } from './host-directory';

type Calls = typeof palaciosCalls;
type Request<V extends PalaciosVerb> = z.input<Calls[V]['request']>;
type Response<V extends PalaciosVerb> = z.output<Calls[V]['response']>;

/** Verbs that need the host's memory or a core, and so its Kitten too. */
const needKitten: ReadonlySet<PalaciosVerb> = new Set<PalaciosVerb>([
  'start',
  'restore',
  'reset',
  'recover',
  'moveCore',
  'balloon',
]);

/** Asks the Palacios of a host. Never waits longer than that Palacios lives. */
@Injectable()
export class PalaciosClient {
  constructor(
    private readonly bus: Bus,
    private readonly directory: HostDirectory,
  ) {}

  /** @throws V3Error HOST_NOT_READY, and whatever that Palacios answers */
  async call<V extends PalaciosVerb>(
    verb: V,
    host: string,
    request: Request<V>,
    options: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<Response<V>> {
    if (needKitten.has(verb)) this.directory.assertReady(host);
    const contract: Call = palaciosCalls[verb];
    return (await this.ask(contract, host, request, options)) as Response<V>;
  }

  /** What is no verb. @throws V3Error like `call` */
  async ask<Q extends z.ZodType, R extends z.ZodType>(
    contract: Call<Q, R>,
    host: string,
    request: z.input<Q>,
    { timeoutMs, signal: outer }: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<z.output<R>> {
    try {
      const ask = (signal: AbortSignal) => this.bus.call(contract, host, request, { timeoutMs, signal });
      return await this.directory.watching(host, ask, outer);
    } catch (thrown) {
      // Its heartbeats were heard a moment ago, but nobody serves the subject any more.
      const code = thrown instanceof V3Error && !outer?.aborted ? thrown.code : '';
      if (code !== 'SERVICE_UNAVAILABLE') throw thrown;
      const detail = `host ${host} is not ready: its palacios does not answer (${(thrown as Error).message})`;
      throw new V3Error('HOST_NOT_READY', detail, { cause: thrown });
    }
  }
}
