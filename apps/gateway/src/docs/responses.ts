import { errorCatalogue, type ErrorCode } from '@v3vee/contracts';

export type Json = Record<string, unknown>;

/** What any endpoint may answer besides its own errors. */
export const common: ErrorCode[] = [
  'INVALID_REQUEST',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'RATE_LIMITED',
  'ORIGIN_NOT_ALLOWED',
  'SERVICE_UNAVAILABLE',
  'STORAGE_FULL',
  'INTERNAL',
];

export const reference = (name: string): string => `#/components/schemas/${name}`;

export const json = (schema: Json): Json => ({ 'application/json': { schema } });

/** By HTTP status, each with the codes that come under it. */
export function problemResponses(codes: readonly ErrorCode[]): Json {
  const byStatus = new Map<number, string[]>();
  for (const code of new Set(codes)) {
    const { http, title } = errorCatalogue[code];
    byStatus.set(http, [...(byStatus.get(http) ?? []), `\`${code}\`: ${title}`]);
  }
  const content = { 'application/problem+json': { schema: { $ref: reference('Problem') } } };
  return Object.fromEntries(
    [...byStatus].map(([status, lines]) => [status, { description: lines.join('\n\n'), content }]),
  );
}

export function queryParameters(schema: Json): Json[] {
  const required = new Set((schema.required as string[] | undefined) ?? []);
  return Object.entries((schema.properties ?? {}) as Record<string, Json>).map(
    ([name, { description, ...rest }]) => ({
      name,
      in: 'query',
      required: required.has(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    }),
  );
}
