import type { Field, Message } from './model';
import { fromValue, mapOf, toValue, type Value } from './value';

/** A message as protobufjs has it: fields by their names in proto; absent ones are not there. */
export type Wire = Record<string, unknown>;
export type Json = Record<string, unknown>;

/** JSON of the contract as a message. What is no field of it is left out; null is an absent field. */
export function toWire({ fields }: Message, json: Json): Wire {
  const wire: Wire = {};
  for (const field of fields) {
    const value = json[field.name];
    if (value === undefined || (value === null && (field.nullable || field.type.kind !== 'value'))) continue;
    wire[field.proto] = whole(field, value, each => itemToWire(field, each));
  }
  return wire;
}

/**
 * A message as JSON. An empty list or mapping can't be told from an absent one: it is there where the contract always
 * has it, or where `named` says so.
 * @param side `response`: what may be null and is absent is null; a request keeps what was not said unsaid
 * @param named fields that are there though they are empty
 */
export function fromWire(
  message: Message,
  wire: Wire,
  side: 'request' | 'response',
  named: ReadonlySet<string> = new Set(),
): Json {
  const entries: [string, unknown][] = [];
  for (const field of shapeOf(message, wire)) {
    const value = wire[field.proto];
    const isPresent = value !== undefined && value !== null && !isEmpty(field, value);
    if (isPresent) entries.push([field.name, whole(field, value, each => itemFromWire(field, each, side))]);
    else if (field.cardinality !== 'single') {
      if (field.required || named.has(field.name))
        entries.push([field.name, field.cardinality === 'repeated' ? [] : {}]);
    } else if (field.nullable && ((field.required && side === 'response') || named.has(field.name)))
      entries.push([field.name, null]);
  }
  return mapOf(entries);
}

/** Of a union the shape that the message has: all its fields are of it, and what it must have is there. */
function shapeOf({ fields, shapes }: Message, wire: Wire): readonly Field[] {
  const isThere = (field: Field) => wire[field.proto] !== undefined && wire[field.proto] !== null;
  const present = fields.filter(isThere).map(({ name }) => name);
  const fitting = shapes?.find(
    shape =>
      present.every(name => shape.some(field => field.name === name)) &&
      shape.every(
        field => !field.required || field.nullable || field.cardinality !== 'single' || isThere(field),
      ),
  );
  return fitting ?? fields;
}

function whole({ cardinality }: Field, value: unknown, item: (each: unknown) => unknown): unknown {
  if (cardinality === 'repeated') return Array.isArray(value) ? value.map(item) : [];
  if (cardinality === 'map')
    return mapOf(Object.entries(value as object).map(([key, each]): [string, unknown] => [key, item(each)]));
  return item(value);
}

function isEmpty({ cardinality }: Field, value: unknown): boolean {
  return cardinality !== 'single' && Object.keys(value as object).length === 0;
}

function itemToWire({ type }: Field, value: unknown): unknown {
  switch (type.kind) {
    case 'value':
      return toValue(value);
    case 'message':
      return toWire(type.message, value as Json);
    case 'mask':
      return { paths: value };
    default:
      return value;
  }
}

function itemFromWire({ type }: Field, value: unknown, side: 'request' | 'response'): unknown {
  switch (type.kind) {
    case 'value':
      return fromValue(value as Value);
    case 'message':
      return fromWire(type.message, value as Wire, side);
    case 'mask':
      return (value as { paths?: string[] }).paths ?? [];
    default:
      return value;
  }
}
