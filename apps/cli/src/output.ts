import { Option, type Command } from 'commander';
import { formatFields, formatTable, type Column } from './terminal/table';

export type OutputFormat = 'table' | 'wide' | 'json';

/** `-o`, for what lists or shows. */
export function withOutput(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'how to print').choices(['table', 'wide', 'json']).default('table'),
  );
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** A list as the REST interface gives it, or as a table. */
export function printList<T>(items: T[], columns: Column<T>[], format: OutputFormat, nothing: string): void {
  if (format === 'json') printJson({ items, nextPageToken: '' });
  else if (items.length === 0) process.stderr.write(`${nothing}\n`);
  else print(formatTable(items, chosen(columns, format)));
}

export function printOne<T>(item: T, columns: Column<T>[], format: OutputFormat): void {
  if (format === 'json') printJson(item);
  else print(formatFields(item, columns));
}

function chosen<T>(columns: Column<T>[], format: OutputFormat): Column<T>[] {
  return columns.filter(column => format === 'wide' || !column.wide);
}

/** The examples at the end of a command's help. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map(line => `  ${line}`).join('\n')}`;
}
