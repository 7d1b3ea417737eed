import { pascalCase, snakeCase } from './names';
import type { Field, FieldType, Message, Scalar } from './model';

export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  prefixItems?: JsonSchema[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
}

/** A type as it stands at a field: what, how many, whether null is one of its values. */
interface Place {
  type: FieldType;
  cardinality: Field['cardinality'];
  nullable: boolean;
  words: string;
}

const VALUE: FieldType = { kind: 'value' };
const scalar = (name: Scalar): FieldType => ({ kind: 'scalar', scalar: name });
const scalarTypes: Record<string, Scalar> = {
  string: 'string',
  integer: 'int64',
  number: 'double',
  boolean: 'bool',
};

/** Makes messages of JSON schemas; a schema with a name of its own becomes one message wherever it is met. */
export class Messages {
  private readonly byReference = new Map<string, Message>();

  /** @param named by the reference that other schemas use, with the message's name */
  constructor(private readonly named: Map<string, { name: string; schema: JsonSchema }>) {}

  /** All that have a name of their own and were met, by name. */
  get types(): Message[] {
    return [...this.byReference.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @returns undefined where the schema is no object */
  object(schema: JsonSchema, name: string): Message | undefined {
    const { type } = this.place(schema, name, []);
    return type.kind === 'message' ? type.message : undefined;
  }

  fields(schema: JsonSchema, owner: Pick<Message, 'name' | 'nested'>): Field[] {
    return Object.entries(schema.properties ?? {}).map(([name, property]) => {
      const place = this.place(property, `${owner.name}.${pascalCase(name)}`, owner.nested);
      return {
        name,
        proto: snakeCase(name),
        type: place.type,
        cardinality: place.cardinality,
        required: schema.required?.includes(name) ?? false,
        nullable: place.nullable,
        comment: [property.description, place.words].filter(Boolean).join('; '),
      };
    });
  }

  private place(schema: JsonSchema, name: string, nest: Message[]): Place {
    const single = (type: FieldType, words = ''): Place => ({
      type,
      cardinality: 'single',
      nullable: false,
      words,
    });
    if (schema.$ref !== undefined) return single({ kind: 'message', message: this.reference(schema.$ref) });
    if (Array.isArray(schema.type)) {
      const union = schema.type.map(type => ({ ...schema, description: undefined, type }));
      return this.union(union, name, nest);
    }
    const union = schema.anyOf ?? schema.oneOf;
    if (union) return this.union(union, name, nest);
    if (schema.enum ?? schema.const !== undefined) {
      const values = schema.enum ?? [schema.const];
      if (!values.every(value => typeof value === 'string')) return single(VALUE);
      return single(scalar('string'), values.length > 1 ? `one of ${values.join(', ')}` : String(values[0]));
    }
    switch (schema.type) {
      case 'object':
        return this.mapping(schema, name, nest);
      case 'array': {
        const item =
          schema.items && !schema.prefixItems ? this.item(schema.items, `${name}Item`, nest) : undefined;
        return item ? { ...item, cardinality: 'repeated' } : { ...single(VALUE), words: 'a list' };
      }
      default: {
        const type = scalarTypes[schema.type ?? ''];
        return single(type ? scalar(type) : VALUE);
      }
    }
  }

  private mapping(schema: JsonSchema, name: string, nest: Message[]): Place {
    const { properties, additionalProperties: rest } = schema;
    if (typeof rest === 'object' && Object.keys(rest).length > 0 && !properties) {
      const item = this.item(rest, `${name}Value`, nest);
      return item
        ? { ...item, cardinality: 'map' }
        : { type: VALUE, cardinality: 'single', nullable: false, words: 'a mapping' };
    }
    const isPlain = properties && Object.keys(properties).every(key => /^[a-zA-Z][a-zA-Z0-9]*$/.test(key));
    if (!isPlain) return { type: VALUE, cardinality: 'single', nullable: false, words: 'a mapping' };
    const message = this.declare(name, schema, nest);
    return { type: { kind: 'message', message }, cardinality: 'single', nullable: false, words: '' };
  }

  /** What proto can repeat: neither null nor again a list or a mapping. */
  private item(schema: JsonSchema, name: string, nest: Message[]): Place | undefined {
    const inside: Message[] = [];
    const place = this.place(schema, name, inside);
    if (place.nullable || place.cardinality !== 'single') return undefined;
    nest.push(...inside);
    return place;
  }

  private union(alternatives: JsonSchema[], name: string, nest: Message[]): Place {
    const others = alternatives.filter(({ type }) => type !== 'null');
    const nullable = others.length < alternatives.length;
    if (others.length === 1) {
      const place = this.place(others[0] as JsonSchema, name, nest);
      // An absent list can't be told from an empty one.
      return place.cardinality === 'single' || !nullable
        ? { ...place, nullable: nullable || place.nullable }
        : { type: VALUE, cardinality: 'single', nullable: true, words: 'a list or a mapping' };
    }
    const merged = this.merge(others, name, nest);
    return { type: merged ?? VALUE, cardinality: 'single', nullable, words: '' };
  }

  /** One message with all fields of several objects, where those of the same name are the same. */
  private merge(schemas: JsonSchema[], name: string, nest: Message[]): FieldType | undefined {
    if (!schemas.every(({ type, properties }) => type === 'object' && properties)) return undefined;
    const message = { name, comment: '', nested: [] as Message[] };
    const shapes = schemas.map(schema => this.fields(schema, message));
    const fields = new Map<string, Field>();
    for (const field of shapes.flat()) {
      const known = fields.get(field.name);
      if (!known) fields.set(field.name, field);
      else if (!isSame(known, field)) return undefined;
      else if (known.comment !== field.comment)
        fields.set(field.name, {
          ...known,
          comment: [known.comment, field.comment].filter(Boolean).join(' | '),
        });
    }
    const union: Message = { ...message, fields: [...fields.values()], shapes };
    nest.push(union);
    return { kind: 'message', message: union };
  }

  private declare(name: string, schema: JsonSchema, nest: Message[]): Message {
    const message = {
      name,
      comment: schema.description ?? '',
      nested: [] as Message[],
      fields: [] as Field[],
    };
    message.fields.push(...this.fields(schema, message));
    nest.push(message);
    return message;
  }

  private reference(reference: string): Message {
    const known = this.byReference.get(reference);
    if (known) return known;
    const found = this.named.get(reference);
    if (!found) throw new Error(`${reference} is no schema with a name of its own`);
    const { name, schema } = found;
    const message = {
      name,
      comment: schema.description ?? '',
      nested: [] as Message[],
      fields: [] as Field[],
    };
    this.byReference.set(reference, message);
    message.fields.push(...this.fields(schema, message));
    return message;
  }
}

/** Scalars only: messages of two unions' branches are never the same one. */
function isSame(a: Field, b: Field): boolean {
  if (a.cardinality !== b.cardinality || a.type.kind !== b.type.kind) return false;
  if (a.type.kind === 'scalar' && b.type.kind === 'scalar') return a.type.scalar === b.type.scalar;
  return a.type.kind === 'message' && b.type.kind === 'message' ? a.type.message === b.type.message : true;
}
