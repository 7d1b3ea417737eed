import type { DataSource } from 'typeorm';

/** What goes on changing by itself, or tells that somebody was refused. */
const LIVELY = ['audit_entry', 'request', 'event', 'host_lease', 'migrations', 'typeorm_metadata'];

/** What is in each table, as a digest: two that are the same say that nothing was changed between. */
export async function rowDigests(dataSource: DataSource): Promise<Record<string, string>> {
  const tables = dataSource.entityMetadatas
    .map(({ tableName }) => tableName)
    .filter(name => !LIVELY.includes(name))
    .sort();
  const columns = tables.map(
    name => `(SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM "${name}" t) AS "${name}"`,
  );
  const [digests] = (await dataSource.query(`SELECT ${columns.join(', ')}`)) as Record<string, string>[];
  return digests as Record<string, string>;
}
