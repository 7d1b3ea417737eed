import { errorCatalogue, V3Error, type ErrorCode } from '@v3vee/contracts';

export type Json = Record<string, unknown>;

/** What any endpoint may answer besides its own errors. */
export const common: ErrorCode[] = [
  'INVALID_REQUEST',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'RATE_LIMITED',
  'ORIGIN_NOT_ALLOWED',
  'SERVER_NAME_NOT_ALLOWED',
  'SERVICE_UNAVAILABLE',
  'STORAGE_FULL',
  'INTERNAL',
];

export const reference = (name: string): string => `#/components/schemas/${name}`;

export const json = (schema: Json, example?: unknown): Json => ({
  'application/json': { schema, ...(example === undefined ? {} : { example }) },
});

/** Of the same request in all examples. */
const REQUEST_ID = '5f0c1f5e-3f0a-4c7b-9a53-0d5b6e1f2a11';

/** A problem of each code of the catalogue, for `components`. */
export const problemExamples = (): Json =>
  Object.fromEntries(
    Object.entries(errorCatalogue).map(([code, { title }]) => [
      code,
      { summary: title, value: new V3Error(code as ErrorCode, title).toProblem(REQUEST_ID) },
    ]),
  );

/** By HTTP status, each with the codes that come under it, and an example of each. */
export function problemResponses(codes: readonly ErrorCode[]): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set(codes)) {
    const { http } = errorCatalogue[code];
    byStatus.set(http, [...(byStatus.get(http) ?? []), code]);
  }
  return Object.fromEntries([...byStatus].map(([status, under]) => [status, problems(under)]));
}

function problems(codes: ErrorCode[]): Json {
  const examples = codes.map(code => [code, { $ref: `#/components/examples/${code}` }]);
  return {
    description: codes.map(code => `\`${code}\`: ${errorCatalogue[code].title}`).join('\n\n'),
    content: {
      'application/problem+json': {
        schema: { $ref: reference('Problem') },
        examples: Object.fromEntries(examples) as Json,
      },
    },
  };
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
