import type { z } from 'zod';
import { exampleFields, exampleParts } from './example-values';

/** Of what is counted or measured; the first that is within bounds. */
const numbers = [4, 64, 0, 1];

/**
 * What a schema describes, as somebody would send it or get it: each field has its example of `exampleFields`, and what
 * fields of one schema have to be together is in `exampleParts`.
 * @param field name of the field it is of
 * @throws Error where a field has no example yet
 */
export function exampleOf(schema: z.ZodType, field = ''): unknown {
  const known = knownOf(schema, field);
  if (known !== undefined) return known;
  const { def } = (schema as unknown as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object':
      return objectOf(schema, def.shape as Record<string, z.ZodType>);
    case 'array':
      return [exampleOf(def.element as z.ZodType, field)];
    case 'nullable':
    case 'optional':
    case 'default':
    case 'prefault':
      return exampleOf(def.innerType as z.ZodType, field);
    case 'pipe':
      return exampleOf(def.in as z.ZodType, field);
    case 'union':
      return exampleOf(def.options[0] as z.ZodType, field);
    case 'literal':
      return def.values[0];
    case 'enum':
      return Object.values(def.entries)[0];
    case 'boolean':
      return false;
    case 'number':
      return numbers.find(value => schema.safeParse(value).success);
    case 'unknown':
      return null;
    case 'record':
      return {};
    default:
      throw new Error(`the field "${field}" (${def.type}) has no example in example-values.ts`);
  }
}

function knownOf(schema: z.ZodType, field: string): unknown {
  if (!Object.hasOwn(exampleFields, field)) return undefined;
  return exampleFields[field]?.find(value => schema.safeParse(value).success);
}

/** What need not be there is there if it has an example. */
function objectOf(schema: z.ZodType, shape: Record<string, z.ZodType>): Record<string, unknown> {
  const part = exampleParts.get(schema) ?? {};
  const fields = Object.entries(shape).flatMap(([name, type]): [string, unknown][] => {
    if (name in part) return part[name] === undefined ? [] : [[name, part[name]]];
    const isOptional = type.safeParse(undefined).success && !type.safeParse(null).success;
    if (isOptional && knownOf(type, name) === undefined) return [];
    return [[name, exampleOf(type, name)]];
  });
  return Object.fromEntries(fields);
}
