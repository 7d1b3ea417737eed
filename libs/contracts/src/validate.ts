import type { z } from 'zod';
import { V3Error, type ErrorCode, type FieldError } from './errors';

/** `['vms', 'a1', 'nics', 0, 'mac']` → `vms.a1.nics[0].mac`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text ? `${text}.${String(part)}` : String(part),
    '',
  );
}

const typeNames: Record<string, string> = {
  record: 'mapping',
  object: 'mapping',
  array: 'list',
  int: 'whole number',
};

/** A zod issue in words that say what would be right, one for each wrong key. */
export function issueToFields(
  issue: z.core.$ZodIssue,
): { path: PropertyKey[]; message: string; atKey?: boolean }[] {
  const path = [...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map(key => ({ path: [...path, key], message: `unknown key "${key}"`, atKey: true }));
    case 'invalid_type': {
      const expected = typeNames[issue.expected] ?? issue.expected;
      return [
        {
          path,
          message: issue.input === undefined ? `a ${expected} is required here` : `expected a ${expected}`,
        },
      ];
    }
    case 'invalid_value':
      return [{ path, message: `must be one of: ${issue.values.map(String).join(', ')}` }];
    case 'invalid_union': {
      const deepest = issue.errors.flat().find(inner => inner.code === 'custom') ?? issue.errors.flat()[0];
      return deepest
        ? issueToFields({ ...deepest, path: [...path, ...deepest.path] })
        : [{ path, message: issue.message }];
    }
    case 'invalid_key':
      return [{ path, message: issue.issues[0]?.message ?? issue.message }];
    default:
      return [{ path, message: issue.message }];
  }
}

/** Checks outside input against a schema; what does not fit becomes one V3Error that lists every wrong field. */
export function validate<T extends z.ZodType>(
  schema: T,
  input: unknown,
  code: ErrorCode = 'INVALID_REQUEST',
): z.output<T> {
  const result = schema.safeParse(input, { reportInput: true });
  if (result.success) return result.data;
  const fields: FieldError[] = result.error.issues
    .flatMap(issueToFields)
    .map(({ path, message }) => ({ path: formatPath(path), message }));
  throw new V3Error(code, summarise(fields), { fields });
}

export function summarise(fields: FieldError[]): string {
  return fields
    .map(({ path, message, line, column }) => {
      const position = line === undefined ? '' : `line ${line}, column ${column}: `;
      return `${position}${path ? `${path}: ` : ''}${message}`;
    })
    .join('; ');
}
