import type { FieldError } from '@v3vee/contracts';

/** What is checked before it is sent; `schemas.ts` has how. */
export type FormName =
  | 'network'
  | 'link'
  | 'linkPatch'
  | 'route'
  | 'accessPoint'
  | 'accessPointPatch'
  | 'image'
  | 'nic'
  | 'nicSettings'
  | 'project'
  | 'projectPatch'
  | 'user'
  | 'userPatch'
  | 'token';

/** What is typed and ticked, by where it stands in the request's body: `impairment.delayMs`, `position[0]`. */
export type Values = Record<string, string | boolean>;

/** Empty is absent; what is no number is told by the schema, not taken for none. */
export const numberOf = (text: string | boolean | undefined): number | undefined =>
  typeof text !== 'string' || text.trim() === '' ? undefined : Number(text);

/** Empty is absent. */
export const textOf = (text: string | boolean | undefined): string | undefined =>
  typeof text !== 'string' || text.trim() === '' ? undefined : text.trim();

/** A number as a field shows it. */
export const shown = (number: number | null | undefined): string =>
  number === null || number === undefined ? '' : String(number);

/** Members that differ: what a partial update names. */
export function changesOf<T extends object>(before: Partial<T>, after: T): Partial<T> {
  const differs = ([key, value]: [string, unknown]) =>
    value !== undefined && JSON.stringify(value) !== JSON.stringify(before[key as keyof T]);
  return Object.fromEntries(Object.entries(after).filter(differs)) as Partial<T>;
}

/**
 * Errors by the field that each stands at, and those that stand at none.
 * @param prefix of where this form's part is in the body, `nics[1].`
 */
export function placeErrors(
  errors: readonly FieldError[],
  names: readonly string[],
  prefix = '',
): { placed: FieldError[]; others: FieldError[] } {
  const placed: FieldError[] = [];
  const others: FieldError[] = [];
  for (const error of errors) {
    const path = error.path.startsWith(prefix) ? error.path.slice(prefix.length) : error.path;
    // A mistake in a whole (`position`) is shown at its first part.
    const name = names.find(each => each === path) ?? names.find(each => each.startsWith(`${path}[`));
    if (name === undefined) others.push(error);
    else placed.push({ ...error, path: name });
  }
  return { placed, others };
}
