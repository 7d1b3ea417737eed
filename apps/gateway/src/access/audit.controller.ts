import { Controller } from '@nestjs/common';
import { outcomeOf, type AuditEntry, type List } from '@v3vee/contracts';
import { AuditRepository, type AuditEntity } from '@v3vee/store';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { AuditLog } from './audit-log.service';

@Controller()
export class AuditController {
  constructor(
    private readonly entries: AuditRepository,
    private readonly log: AuditLog,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listAudit')
  async list(@Input() { query }: InputOf<'listAudit'>): Promise<List<AuditEntry>> {
    const { pageSize, pageToken, ...filter } = query;
    const { since, until, ...words } = filter;
    const listing = `audit/${JSON.stringify(filter)}`;
    const after = pageToken === undefined ? undefined : (this.pages.open(listing, pageToken) as number);
    const times = { since: since ? new Date(since) : undefined, until: until ? new Date(until) : undefined };
    // Whoever asks after a request of theirs finds it.
    await this.log.settled();
    const rows = await this.entries.list({ after, limit: pageSize + 1, ...words, ...times });
    return this.pages.page(listing, rows, pageSize, ({ id }) => Number(id), view);
  }
}

function view({ id, at, source, ...entry }: AuditEntity): AuditEntry {
  return { ...entry, outcome: outcomeOf(entry.status), id: Number(id), at: at.toISOString(), from: source };
}
