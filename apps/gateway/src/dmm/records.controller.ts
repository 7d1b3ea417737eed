import { Controller } from '@nestjs/common';
import type { DmmContext, DmmViolation, List } from '@v3vee/contracts';
import {
  DmmContextRepository,
  DmmViolationRepository,
  type DmmContextRecord,
  type DmmViolationEntity,
} from '@v3vee/store';
import { ageKey } from '../http/age-key';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';

type ContextKey = Pick<DmmContextRecord, 'device' | 'vm'>;

/** What the DMM keeps of guests and their devices. */
@Controller()
export class DmmRecordsController {
  constructor(
    private readonly contextRows: DmmContextRepository,
    private readonly violationRows: DmmViolationRepository,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listContexts')
  async contexts(@Input() { query }: InputOf<'listContexts'>): Promise<List<DmmContext>> {
    const { pageSize, pageToken, device } = query;
    const listing = `contexts/${device ?? ''}`;
    const after = pageToken === undefined ? undefined : (this.pages.open(listing, pageToken) as ContextKey);
    const rows = await this.contextRows.list({ after, limit: pageSize + 1, device });
    return this.pages.page(
      listing,
      rows,
      pageSize,
      ({ device, vm }): ContextKey => ({ device, vm }),
      contextView,
    );
  }

  @Endpoint('listViolations')
  async violations(@Input() { query }: InputOf<'listViolations'>): Promise<List<DmmViolation>> {
    const { pageSize, pageToken, device } = query;
    const listing = `violations/${device ?? ''}`;
    const after = pageToken === undefined ? undefined : ageKey(this.pages.open(listing, pageToken));
    const rows = await this.violationRows.list({ after, limit: pageSize + 1, device });
    return this.pages.page(listing, rows, pageSize, ({ at, id }) => ({ createdAt: at, id }), violationView);
  }
}

const contextView = ({ state, savedAt, ...context }: DmmContextRecord): DmmContext => ({
  ...context,
  model: state,
  savedAt: savedAt.toISOString(),
});

const violationView = ({ at, ...violation }: DmmViolationEntity): DmmViolation => ({
  ...violation,
  at: at.toISOString(),
});
