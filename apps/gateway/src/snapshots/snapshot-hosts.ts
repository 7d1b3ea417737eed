import { Injectable } from '@nestjs/common';
import { snapshotCalls, V3Error, type Call, type SnapshotCall } from '@v3vee/contracts';
import { HostRepository, type SnapshotEntity } from '@v3vee/store';
import type { z } from 'zod';
import { HostDirectory } from '../hosts/host-directory';
import { PalaciosClient } from '../hosts/palacios-client';

type Calls = typeof snapshotCalls;

/** Saved states are Palacios's, whatever host they are of, because the hosts of a cluster share their folder. */
@Injectable()
export class SnapshotHosts {
  constructor(
    private readonly hosts: HostRepository,
    private readonly palacios: PalaciosClient,
    private readonly directory: HostDirectory,
  ) {}

  /** The snapshot's own, or another one while that does not speak; none named: any. */
  async speaking({ host }: Partial<Pick<SnapshotEntity, 'host'>>): Promise<string> {
    const names = (await this.hosts.all()).map(({ name }) => name);
    const speaks = (name: string) => this.directory.palaciosSilence(name) === '';
    const own = names.find(name => name === host && speaks(name));
    const found = own ?? names.find(speaks) ?? host ?? names[0];
    if (found !== undefined) return found;
    throw new V3Error('HOST_NOT_READY', 'the cluster has no hosts, and they have its saved states');
  }

  /** @throws V3Error HOST_NOT_READY, and whatever that Palacios answers */
  async ask<C extends SnapshotCall>(
    call: C,
    host: string,
    request: z.input<Calls[C]['request']>,
    timeoutMs?: number,
  ): Promise<z.output<Calls[C]['response']>> {
    const contract: Call = snapshotCalls[call];
    return (await this.palacios.ask(contract, host, request, { timeoutMs })) as z.output<
      Calls[C]['response']
    >;
  }
}
