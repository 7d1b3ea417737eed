import { Controller } from '@nestjs/common';
import { V3Error, type List, type Snapshot } from '@v3vee/contracts';
import { SnapshotRepository, toSnapshot, VmRepository, type SnapshotEntity } from '@v3vee/store';
import { ageKey, ageOf } from '../http/age-key';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { SnapshotRemoval } from './snapshot-removal';

@Controller()
export class SnapshotsController {
  constructor(
    private readonly snapshots: SnapshotRepository,
    private readonly vms: VmRepository,
    private readonly removal: SnapshotRemoval,
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

  @Endpoint('getSnapshot')
  async get(@Input() { params }: InputOf<'getSnapshot'>): Promise<Snapshot> {
    return toSnapshot(await this.find(params.snapshot));
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
