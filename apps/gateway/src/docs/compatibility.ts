/**
 * What a client of one OpenAPI document would notice of another: the rules of AIP-180 for what is sent (nothing more is
 * asked, nothing is refused that was taken) and for what is answered (nothing is gone or of another type). New values
 * of an enumeration may come in answers.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Json } from './responses';

type Side = 'request' | 'response';
type Told = (problem: string) => void;
type Schema = Json | boolean | undefined;

const methods = ['get', 'put', 'post', 'delete', 'patch'];
const object = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** What of `before` no longer holds in `after`, a line each; none: clients go on. */
export function incompatibilities(before: Json, after: Json): string[] {
  const told = new Set<string>();
  const schemas = new SchemaComparison(before, after);
  for (const [path, item] of Object.entries(object(before.paths))) {
    for (const method of methods) {
      const was = object(item)[method];
      if (was === undefined) continue;
      const is = object(object(after.paths)[path])[method];
      const at = `${method.toUpperCase()} ${path}`;
      if (is === undefined) told.add(`${at} is gone`);
      else operation(schemas, object(was), object(is), problem => told.add(`${at}: ${problem}`));
    }
  }
  return [...told];
}

function operation(schemas: SchemaComparison, was: Json, is: Json, tell: Told): void {
  if (was.operationId !== is.operationId)
    tell(`the operationId was ${was.operationId} and would be ${is.operationId}`);
  const key = (it: unknown) => `${object(it).in} parameter ${object(it).name}`;
  const known = new Map(list(was.parameters).map(it => [key(it), object(it)]));
  const found = new Map(list(is.parameters).map(it => [key(it), object(it)]));
  for (const [name, parameter] of known) {
    const now = found.get(name);
    if (!now) tell(`the ${name} is gone`);
    else
      schemas.compare(parameter.schema as Schema, now.schema as Schema, 'request', problem =>
        tell(`${name}${problem}`),
      );
  }
  for (const [name, { required }] of found)
    if (required && !known.get(name)?.required) tell(`the ${name} would be required`);

  const [body, taken] = [was.requestBody, is.requestBody].map(object) as [Json, Json];
  if (taken.required && !body.required) tell('the request’s body would be required');
  content(schemas, body, taken, 'request', tell);
  for (const [status, response] of Object.entries(object(was.responses))) {
    if (!status.startsWith('2')) continue;
    const now = object(is.responses)[status];
    if (now === undefined) tell(`the answer ${status} is gone`);
    else content(schemas, object(response), object(now), 'response', tell);
  }
}

function content(schemas: SchemaComparison, was: Json, is: Json, side: Side, tell: Told): void {
  for (const [type, media] of Object.entries(object(was.content))) {
    const now = object(is.content)[type];
    if (now === undefined) tell(`${type} of the ${side} is gone`);
    else
      schemas.compare(object(media).schema as Schema, object(now).schema as Schema, side, problem =>
        tell(`${side}${problem}`),
      );
  }
}

/** Limits of which a greater, or a smaller, value is the stricter one. */
const lower = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const upper = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'];

class SchemaComparison {
  private readonly known = new Map<string, string[]>();

  constructor(
    private readonly before: Json,
    private readonly after: Json,
  ) {}

  compare(was: Schema, is: Schema, side: Side, tell: Told): void {
    const key = JSON.stringify([was, is, side]);
    let problems = this.known.get(key);
    if (!problems) {
      // Set first: a schema may contain itself.
      this.known.set(key, (problems = []));
      this.differences(resolve(this.before, was), resolve(this.after, is), side, it => problems!.push(it));
    }
    problems.forEach(tell);
  }

  private differences(was: Json, is: Json, side: Side, tell: Told): void {
    if (was.anyOf || is.anyOf || was.oneOf || is.oneOf) return this.alternatives(was, is, side, tell);
    if (list(was.allOf).length !== list(is.allOf).length) tell(' would have other parts');
    list(was.allOf).forEach((part, n) =>
      this.compare(part as Json, list(is.allOf)[n] as Json, side, problem => tell(problem)),
    );
    types(was, is, side, tell);
    values(was, is, side, tell);
    limits(was, is, side, tell);
    this.properties(was, is, side, tell);
    if (was.items !== undefined || is.items !== undefined)
      this.compare(was.items as Schema, is.items as Schema, side, problem => tell(`[]${problem}`));
    list(was.prefixItems).forEach((item, n) =>
      this.compare(item as Json, list(is.prefixItems)[n] as Schema, side, problem =>
        tell(`[${n}]${problem}`),
      ),
    );
    if (!isDeepStrictEqual(was.not, is.not)) tell(' would exclude something else');
  }

  private properties(was: Json, is: Json, side: Side, tell: Told): void {
    const [known, found] = [object(was.properties), object(is.properties)];
    for (const [name, property] of Object.entries(known)) {
      if (name in found)
        this.compare(property as Schema, found[name] as Schema, side, problem => tell(`.${name}${problem}`));
      else tell(`.${name} is gone`);
    }
    const [needed, needs] = [list(was.required), list(is.required)];
    if (side === 'request')
      for (const name of needs) if (!needed.includes(name)) tell(`.${String(name)} would be required`);
    if (side === 'response')
      for (const name of needed)
        if (!needs.includes(name) && String(name) in found) tell(`.${String(name)} might be absent`);
    const [open, opens] = [was.additionalProperties as Schema, is.additionalProperties as Schema];
    if (typeof open === 'object') this.compare(open, opens, side, problem => tell(`.*${problem}`));
    else if (side === 'request' && open !== false && opens === false && was.type === 'object')
      tell(' would refuse other fields');
  }

  /** Each alternative there was is one of those there are; of answers the other way round, too. */
  private alternatives(was: Json, is: Json, side: Side, tell: Told): void {
    const of = (schema: Json) => list(schema.anyOf ?? schema.oneOf ?? [schema]) as Json[];
    const fits = (one: Json, other: Json) => {
      let fit = true;
      this.compare(one, other, side, () => (fit = false));
      return fit;
    };
    const [known, found] = [of(was), of(is)];
    if (known.length === found.length)
      return known.forEach((one, n) => {
        if (!found.some(other => fits(one, other))) this.compare(one, found[n], side, tell);
      });
    for (const one of known)
      if (!found.some(other => fits(one, other))) tell(` would not be ${describe(one)} any more`);
    if (side === 'response')
      for (const other of found)
        if (!known.some(one => fits(one, other))) tell(` might be ${describe(other)}, too`);
  }
}

function resolve(document: Json, schema: Schema): Json {
  const reference = object(schema).$ref;
  if (typeof reference !== 'string') return schema === false ? { not: {} } : object(schema);
  const name = reference.split('/').pop() as string;
  return object(object(object(document.components).schemas)[name]);
}

function types(was: Json, is: Json, side: Side, tell: Told): void {
  const named = (schema: Json) => (schema.type === undefined ? [] : [schema.type].flat().map(String));
  const [known, found] = [named(was), named(is)];
  const covers = (wide: string[], narrow: string[]) =>
    wide.length === 0 ||
    (narrow.length > 0 &&
      narrow.every(type => wide.includes(type) || (type === 'integer' && wide.includes('number'))));
  const fits = side === 'request' ? covers(found, known) : covers(known, found);
  if (!fits)
    tell(` was ${known.join(' or ') || 'anything'} and would be ${found.join(' or ') || 'anything'}`);
}

function values(was: Json, is: Json, side: Side, tell: Told): void {
  const named = ({ enum: values, const: only }: Json) =>
    values === undefined ? (only === undefined ? undefined : [only]) : list(values);
  const [known, found] = [named(was), named(is)];
  if (known && found) {
    for (const value of known) if (!found.includes(value)) tell(`: the value ${String(value)} is gone`);
  } else if (found && side === 'request') tell(` would be one of ${found.join(', ')} only`);
  else if (known && side === 'response') tell(` would not be one of ${known.join(', ')} any more`);
}

function limits(was: Json, is: Json, side: Side, tell: Told): void {
  for (const format of ['format', 'contentEncoding'])
    if (is[format] !== was[format] && (side === 'response' ? was[format] : is[format]) !== undefined)
      tell(` would have the ${format} ${String(is[format])}`);
  if (side === 'response') return;
  for (const fixed of ['pattern', 'multipleOf'])
    if (is[fixed] !== undefined && is[fixed] !== was[fixed])
      tell(` would have the ${fixed} ${String(is[fixed])}`);
  const value = (schema: Json, key: string, none: number) => (schema[key] as number | undefined) ?? none;
  for (const key of lower)
    if (value(is, key, -Infinity) > value(was, key, -Infinity)) tell(` would have the ${key} ${is[key]}`);
  for (const key of upper)
    if (value(is, key, Infinity) < value(was, key, Infinity)) tell(` would have the ${key} ${is[key]}`);
}

function describe(schema: Json): string {
  return String(schema.$ref ?? schema.type ?? JSON.stringify(schema)).replace(/^.*\//, '');
}

/** The document without what is for people: a change of words is none of the interface. */
export function shapeOf(document: Json): Json {
  const words = new Set(['summary', 'description', 'example', 'examples', 'info', 'servers']);
  const strip = (value: unknown, named: boolean): unknown => {
    if (Array.isArray(value)) return value.map(each => strip(each, false));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        // Failures come and go; each is a problem document.
        .filter(([key]) => named || !(words.has(key) || /^[45]\d\d$/.test(key)))
        // Names of fields and components are no words.
        .map(([key, each]) => [key, strip(each, !named && ['properties', 'schemas', 'paths'].includes(key))]),
    );
  };
  return strip(document, false) as Json;
}
