import { BeforeApplicationShutdown, Controller, Param, Req, Res } from '@nestjs/common';
import type { List, Migration, MigrationCheck, Operation } from '@v3vee/contracts';
import { VmMigrationRepository, VmRepository } from '@v3vee/store';
import type { Request, Response } from 'express';
import { ageKey, ageOf } from '../http/age-key';
import { Endpoint, Input, Stream, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { OpenStreams } from '../streams/open-streams';
import { MigrationStream } from './migration-stream';
import { migrationView } from './migration-view';
import { Migrations } from './migrations.service';

@Controller()
export class MigrationsController implements BeforeApplicationShutdown {
  private readonly streams = new OpenStreams('watches of migrations');

  constructor(
    private readonly migrations: Migrations,
    private readonly rows: VmMigrationRepository,
    private readonly vms: VmRepository,
    private readonly pages: PageTokens,
  ) {}

  beforeApplicationShutdown(): void {
    this.streams.endAll('the gateway stops');
  }

  @Endpoint('migrateVm')
  migrate(@Input() { params, body, caller }: InputOf<'migrateVm'>): Promise<Operation> {
    return this.migrations.begin(params.vm, body, caller);
  }

  @Endpoint('checkMigration')
  check(@Input() { params, body }: InputOf<'checkMigration'>): Promise<MigrationCheck> {
    return this.migrations.check(params.vm, body.host);
  }

  @Endpoint('listMigrations')
  async list(@Input() { query }: InputOf<'listMigrations'>): Promise<List<Migration>> {
    const { pageSize, pageToken, vm } = query;
    const listing = `migrations/${vm ?? ''}`;
    const after = pageToken === undefined ? undefined : ageKey(this.pages.open(listing, pageToken));
    // A present VM means that one; else the name a deleted VM had.
    const of = vm === undefined ? undefined : ((await this.vms.find(vm))?.id ?? vm);
    const rows = await this.rows.list({ after, limit: pageSize + 1, vm: of });
    return this.pages.page(listing, rows, pageSize, ageOf, migrationView);
  }

  // Before `getMigration`, whose {migration} would take `<id>:watch` too.
  @Stream('watchMigration')
  async watch(
    @Param('migration') id: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    this.streams.assertRoom();
    const look = () => this.migrations.get(id);
    await look();
    await this.streams.answer(request, response, 'application/x-ndjson', () => {
      const listen = (tell: (migration: Migration) => void) => this.migrations.listen(id, tell);
      return new MigrationStream({ out: response, look, listen });
    });
  }

  @Endpoint('getMigration')
  get(@Input() { params }: InputOf<'getMigration'>): Promise<Migration> {
    return this.migrations.get(params.migration);
  }

  @Endpoint('cancelMigration')
  cancel(@Input() { params }: InputOf<'cancelMigration'>): Promise<Migration> {
    return this.migrations.cancel(params.migration);
  }
}
