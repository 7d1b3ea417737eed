import type { Api, Field, FieldType, Message } from './model';

/**
 * What was published: for each message its fields, each with its number and type. It only grows: a field that goes
 * leaves its number reserved, and one that would change its number or type is refused.
 */
export type Published = Record<string, Record<string, [number: number, type: string]>>;

/** Compatible with all that was published before; throws where it can't be. */
export function publish({ services, types }: Api, before: Published): Published {
  const after: Published = structuredClone(before);
  const rpcs = services.flatMap(service => service.rpcs.map(rpc => ({ service, rpc })));
  const visit = (message: Message) => {
    number(message, (after[message.name] ??= {}));
    message.nested.forEach(visit);
  };
  types.forEach(visit);
  for (const { rpc } of rpcs) [rpc.request, rpc.response].forEach(visit);
  for (const { service, rpc } of rpcs) {
    const signature = `${rpc.kind} ${rpc.request.name} ${rpc.response.name}`;
    const known = ((after[`service ${service.name}`] ??= {})[rpc.name] ??= [0, signature]);
    if (known[1] !== signature)
      throw new Error(
        `${service.name}.${rpc.name} was "${known[1]}" and would be "${signature}": clients break`,
      );
  }
  for (const [service, known] of Object.entries(after)) {
    if (!service.startsWith('service ')) continue;
    for (const name of Object.keys(known)) {
      if (!rpcs.some(({ service: { name: of }, rpc }) => `service ${of}` === service && rpc.name === name))
        throw new Error(`${service}: the RPC ${name} is gone: clients break`);
    }
  }
  return after;
}

function number({ name, fields }: Message, published: Published[string]): void {
  let next = Math.max(0, ...Object.values(published).map(([taken]) => taken)) + 1;
  // 19000 to 19999 are protobuf's own; no message of ours comes near.
  for (const field of fields) {
    const type = typeName(field);
    const known = (published[field.proto] ??= [next++, type]);
    if (known[1] !== type)
      throw new Error(
        `${name}.${field.proto} was ${known[1]} and would be ${type}: clients break; give it another name`,
      );
  }
}

/** As in a proto file: `optional int64`, `repeated Nic`, `map<string, string>`. */
export function typeName({ type, cardinality }: Pick<Field, 'type' | 'cardinality'>): string {
  const bare = bareName(type);
  if (cardinality === 'map') return `map<string, ${bare}>`;
  if (cardinality === 'repeated') return `repeated ${bare}`;
  return type.kind === 'scalar' ? `optional ${bare}` : bare;
}

function bareName(type: FieldType): string {
  switch (type.kind) {
    case 'scalar':
      return type.scalar;
    case 'message':
      return type.message.name;
    case 'value':
      return 'google.protobuf.Value';
    case 'mask':
      return 'google.protobuf.FieldMask';
  }
}
