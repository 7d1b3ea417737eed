import { pipeline } from 'node:stream/promises';
import { Controller, Param, Req, Res } from '@nestjs/common';
import {
  V3Error,
  type List,
  type Snapshot,
  type SnapshotCollection,
  type SnapshotDetail,
  type SnapshotVerification,
} from '@v3vee/contracts';
import { SnapshotRepository, toSnapshot, VmRepository, type SnapshotEntity } from '@v3vee/store';
import type { Request, Response } from 'express';
import { ageKey, ageOf } from '../http/age-key';
import { Endpoint, Input, Stream, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { BlobStore } from '../images/blob-store';
import { VmDefinitions } from '../vms/vm-definitions.service';
import { SnapshotFiles } from './snapshot-files';
import { SnapshotHosts } from './snapshot-hosts';
import { SnapshotRemoval } from './snapshot-removal';

/** A snapshot is shown without what it takes on disk when that can't be had soon. */
const STORAGE_MS = 3_000;

@Controller()
export class SnapshotsController {
  constructor(
    private readonly snapshots: SnapshotRepository,
    private readonly vms: VmRepository,
    private readonly definitions: VmDefinitions,
    private readonly removal: SnapshotRemoval,
    private readonly hosts: SnapshotHosts,
    private readonly files: SnapshotFiles,
    private readonly blobs: BlobStore,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listSnapshots')
  async list(@Input() { query }: InputOf<'listSnapshots'>): Promise<List<Snapshot>> {
    const { pageSize, pageToken, vm } = query;
    const listing = `snapshots/${vm ?? ''}`;
    const after = pageToken === undefined ? undefined : ageKey(this.pages.open(listing, pageToken));
    // A present VM means that one; else the name a deleted VM had.
    const of = vm === undefined ? undefined : ((await this.vms.find(vm))?.id ?? vm);
    const rows = await this.snapshots.list({ after, limit: pageSize + 1, vm: of });
    return this.pages.page(listing, rows, pageSize, ageOf, toSnapshot);
  }

  // Before `getSnapshot`, whose {snapshot} would take `<id>:export` too.
  @Stream('exportSnapshot')
  async export(
    @Param('snapshot') idOrName: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const snapshot = await this.find(idOrName);
    if (snapshot.disks.length > 0)
      throw new V3Error(
        'STATE_INCOMPATIBLE',
        `snapshot ${snapshot.name} has disks, which an export does not take along: clone it, stop the clone, ` +
          'and export its disks with "v3 disk export"',
      );
    const name = `${snapshot.vmName}-${snapshot.name}.v3snapshot`;
    response.setHeader('Content-Type', 'application/octet-stream');
    response.setHeader('Content-Disposition', `attachment; filename="${name}"`);
    response.setHeader('Cache-Control', 'no-store');
    if (request.method === 'HEAD') return void response.end();
    const parts = this.files.export(snapshot);
    // What is wrong can be told as long as nothing was sent: so the first pages are read before that.
    const early = [await parts.next(), await parts.next()];
    const all = async function* () {
      for (const { value, done } of early) if (!done) yield value;
      yield* parts;
    };
    // A client that left, or damage in the middle: either way the connection ends without the file's end.
    await pipeline(all, response).catch(() => undefined);
  }

  @Endpoint('getSnapshot')
  async get(@Input() { params }: InputOf<'getSnapshot'>): Promise<SnapshotDetail> {
    const snapshot = await this.find(params.snapshot);
    const storage = await this.hosts
      .speaking(snapshot)
      .then(host => this.hosts.ask('describe', host, { snapshotId: snapshot.id }, STORAGE_MS))
      .catch(() => null);
    return { ...toSnapshot(snapshot), storage };
  }

  @Endpoint('verifySnapshot')
  async verify(@Input() { params }: InputOf<'verifySnapshot'>): Promise<SnapshotVerification> {
    const snapshot = await this.find(params.snapshot);
    return this.hosts.ask('verify', await this.hosts.speaking(snapshot), { snapshotId: snapshot.id });
  }

  @Endpoint('importSnapshot')
  async import(@Input() { body, caller }: InputOf<'importSnapshot'>): Promise<Snapshot> {
    const { blob, name } = body;
    // Its label is not to be trusted with whose VM that is.
    if (body.vm === undefined && caller.identity?.project)
      throw new V3Error('INVALID_REQUEST', 'vm: name the VM that it is for');
    const path = await this.blobs.path(blob);
    const vm = await this.definitions.find(body.vm ?? (await this.files.label(path)).vmName);
    const snapshot = await this.hosts.ask('import', vm.ownerHost, { blob, vm: vm.id, name });
    await this.blobs.remove(blob);
    return snapshot;
  }

  @Endpoint('collectSnapshots')
  async collect(): Promise<SnapshotCollection> {
    return this.hosts.ask('collect', await this.hosts.speaking({}), {});
  }

  @Endpoint('deleteSnapshot')
  async delete(@Input() { params }: InputOf<'deleteSnapshot'>): Promise<object> {
    await this.removal.remove(await this.find(params.snapshot));
    return {};
  }

  /** By id, or by a name that only one VM has a snapshot of. */
  private async find(idOrName: string): Promise<SnapshotEntity> {
    const byId = await this.snapshots.get(idOrName);
    if (byId) return byId;
    const [first, ...others] = await this.snapshots.named(idOrName);
    if (!first) throw new V3Error('SNAPSHOT_NOT_FOUND', `there is no snapshot "${idOrName}"`);
    if (others.length === 0) return first;
    const choice = [first, ...others].map(({ id, vmName }) => `${id} (of ${vmName})`).join(', ');
    throw new V3Error('INVALID_REQUEST', `several snapshots are named "${idOrName}"; give an id: ${choice}`);
  }
}
