import { Controller } from '@nestjs/common';
import type { LabInfo, LabRun, LabRunDetail, List, ResponseOf } from '@v3vee/contracts';
import { LabRunRepository, type LabRunEntity } from '@v3vee/store';
import { ageKey, ageOf } from '../http/age-key';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { Labs } from './labs.service';

@Controller()
export class LabsController {
  constructor(
    private readonly labs: Labs,
    private readonly rows: LabRunRepository,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listLabs')
  async list(@Input() { query }: InputOf<'listLabs'>): Promise<List<LabInfo>> {
    return this.pages.pageOfNow('labs', await this.labs.list(), query);
  }

  @Endpoint('runLab')
  async run(@Input() { params, body, caller }: InputOf<'runLab'>): Promise<LabRun> {
    return labRunView(await this.labs.begin(params.lab, body.runs, caller.actor));
  }

  @Endpoint('listLabRuns')
  async runs(@Input() { query }: InputOf<'listLabRuns'>): Promise<List<LabRun>> {
    const { pageSize, pageToken, lab } = query;
    const listing = `labruns/${lab ?? ''}`;
    const after = pageToken === undefined ? undefined : ageKey(this.pages.open(listing, pageToken));
    const rows = await this.rows.list({ after, limit: pageSize + 1, lab });
    return this.pages.page(listing, rows, pageSize, ageOf, labRunView);
  }

  @Endpoint('getLabRun')
  async get(@Input() { params }: InputOf<'getLabRun'>): Promise<LabRunDetail> {
    const row = await this.labs.get(params.labrun);
    return { ...labRunView(row), rows: row.rows };
  }

  @Endpoint('getLabRunPlot')
  async plot(@Input() { params }: InputOf<'getLabRunPlot'>): Promise<ResponseOf<'getLabRunPlot'>> {
    return { svg: await this.labs.plot(params.labrun) };
  }

  @Endpoint('cancelLabRun')
  async cancel(@Input() { params, caller }: InputOf<'cancelLabRun'>): Promise<LabRun> {
    return labRunView(await this.labs.cancel(params.labrun, caller.actor));
  }

  @Endpoint('deleteLabRun')
  async delete(@Input() { params }: InputOf<'deleteLabRun'>): Promise<object> {
    await this.labs.remove(params.labrun);
    return {};
  }
}

function labRunView(row: Omit<LabRunEntity, 'rows'>): LabRun {
  const { id, lab, runs, state, reason, progress, holds, missed, actor, createdAt, endedAt } = row;
  return {
    ...{ id, lab, runs, state, reason, progress, holds, missed, actor },
    createdAt: createdAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  };
}
