import fc from 'fast-check';

/** What of JSON schema the OpenAPI document has. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  required?: string[];
  items?: Schema;
  prefixItems?: Schema[];
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
}

/** Texts that somebody has tripped over: paths, escapes, prototypes, other languages' syntax, Unicode, lengths. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    ...['', ' ', '.', '..', '../../../etc/passwd', '/etc/passwd', '..\\..\\x', 'a/b', 'a\u0000b', '\u0000'],
    ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'null', 'undefined', 'NaN'],
    ...['%00', '%2e%2e%2f', '%', '${7*7}', '{{7*7}}', "' OR 1=1 --", '"; DROP TABLE vm; --', '$(id)', '`id`'],
    ...[
      '<script>alert(1)</script>',
      '\r\nX-Evil: 1',
      '\u001b]0;x\u0007',
      '\ufeff',
      '\u202e',
      '\ud800',
      'ﷺ',
      '👩‍👩‍👧',
      'İ',
    ],
    ...['-1', '0', '1e999', '99999999999999999999', '0x10', '1,5', '00000000-0000-0000-0000-000000000000'],
    ...['*', '>', 'a.b.c', 'palacios.alpha.vm.stop', 'host/alpha', 'link/', 'wlan:', 'any', '64MiB', '-5s'],
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom(300, 5_000).map(length => 'x'.repeat(length)),
  fc.uuid(),
);

const nested = (depth: number): unknown => {
  let value: unknown = 0;
  for (let n = 0; n < depth; n++) value = n % 2 ? [value] : { x: value };
  return value;
};

export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: hostileText },
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -0,
    -1,
    0.5,
    1e308,
    -1e308,
    2 ** 31,
    2 ** 53,
    2 ** 63,
    5e-324,
  ),
  fc.constantFrom<unknown>([], {}, [[]], [null], { '': null }, nested(200), Array(3_000).fill(0)),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Things that there are, so that what is hostile comes behind the first look-up too. */
export type Known = Readonly<Record<string, string | undefined>>;

const MAX_DEPTH = 6;

/** Values of a schema, or nearly: what only the validator's own checks refuse may be among them. */
export function fitting(
  schema: Schema,
  named: Readonly<Record<string, Schema>>,
  known: Known,
  name = '',
  depth = 0,
): fc.Arbitrary<unknown> {
  const inside = (inner: Schema, its = name) => fitting(inner, named, known, its, depth + 1);
  if (depth > MAX_DEPTH) return fc.constant(null);
  if (schema.$ref !== undefined) return inside(named[schema.$ref.split('/').at(-1) as string] as Schema);
  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (choices) return fc.oneof(...choices.map(each => inside(each)));
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (Array.isArray(schema.type)) return fc.oneof(...schema.type.map(type => inside({ ...schema, type })));
  switch (schema.type) {
    case 'object': {
      const properties = Object.entries(schema.properties ?? {});
      const shape = Object.fromEntries(properties.map(([key, value]) => [key, inside(value, key)]));
      const required = (schema.required ?? []).filter(key => key in shape);
      if (properties.length > 0 || typeof schema.additionalProperties !== 'object')
        return fc.record(shape, { requiredKeys: required });
      const key = fc.oneof(fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/), hostileText);
      return fc.dictionary(key, inside(schema.additionalProperties), { maxKeys: 3 });
    }
    case 'array':
      return schema.prefixItems
        ? fc.tuple(...schema.prefixItems.map(item => inside(item)))
        : fc.array(inside(schema.items ?? {}), { maxLength: 4 });
    case 'string':
      return text(schema, known[name]);
    case 'integer':
    case 'number': {
      const [min, max] = [schema.minimum ?? 0, schema.maximum ?? 1_000];
      return fc.integer({
        min: Math.ceil(Math.max(min, -(2 ** 31))),
        max: Math.floor(Math.min(max, 2 ** 31)),
      });
    }
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.oneof(fc.jsonValue({ maxDepth: 2 }), hostileValue);
  }
}

function text({ format, pattern }: Schema, there: string | undefined): fc.Arbitrary<string> {
  const name = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
  const known = there === undefined ? [] : [{ weight: 4, arbitrary: fc.constant(there) }];
  return fc.oneof({ weight: 2, arbitrary: formatted(format, pattern) ?? name }, ...known);
}

function formatted(
  format: string | undefined,
  pattern: string | undefined,
): fc.Arbitrary<string> | undefined {
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') return fc.date({ noInvalidDate: true }).map(date => date.toISOString());
  if (pattern === undefined) return undefined;
  try {
    return fc.stringMatching(new RegExp(pattern));
  } catch {
    // It does not know look-around, for one.
    return undefined;
  }
}

interface Change {
  kind: 'replace' | 'remove' | 'add' | 'wrap';
  at: number;
  key: string;
  value: unknown;
}
const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('replace', 'replace', 'remove', 'add', 'wrap'),
  at: fc.nat(10_000),
  key: fc.oneof(fc.constantFrom('__proto__', 'constructor', 'id', ''), hostileText),
  value: hostileValue,
});

/** A value with something wrong at some of its places. */
export const spoiled = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .tuple(value, fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([whole, changes]) => changes.reduce(apply, structuredClone(whole)));

type Container = Record<PropertyKey, unknown>;

function apply(whole: unknown, { kind, at, key, value }: Change): unknown {
  const holder: Container = { whole };
  const places: [Container, string][] = [];
  const visit = (container: Container) => {
    for (const each of Object.keys(container)) {
      places.push([container, each]);
      const inner = container[each];
      if (places.length < 500 && inner !== null && typeof inner === 'object') visit(inner as Container);
    }
  };
  visit(holder);
  const [container, place] = places[at % places.length] as [Container, string];
  const there = container[place];
  // As JSON.parse does it: `__proto__` is a key like any other.
  const put = (into: Container, name: string, it: unknown) =>
    Object.defineProperty(into, name, {
      value: structuredClone(it),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  if (kind === 'remove') delete container[place];
  else if (kind === 'wrap') put(container, place, [there]);
  else if (kind === 'add' && there !== null && typeof there === 'object')
    put(there as Container, Array.isArray(there) ? String(there.length) : key, value);
  else put(container, place, value);
  return holder.whole;
}
