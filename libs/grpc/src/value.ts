/** google.protobuf.Value as protobufjs has it: any JSON. */
export interface Value {
  nullValue?: unknown;
  numberValue?: number;
  stringValue?: string;
  boolValue?: boolean;
  structValue?: { fields?: Record<string, Value> };
  listValue?: { values?: Value[] };
}

export function toValue(json: unknown): Value {
  switch (typeof json) {
    case 'number':
      return { numberValue: json };
    case 'string':
      return { stringValue: json };
    case 'boolean':
      return { boolValue: json };
    case 'object': {
      if (json === null) break;
      if (Array.isArray(json)) return { listValue: { values: json.map(toValue) } };
      const present = Object.entries(json).filter(([, value]) => value !== undefined);
      return { structValue: { fields: mapOf(present.map(([key, value]) => [key, toValue(value)])) } };
    }
  }
  return { nullValue: 0 };
}

export function fromValue(value: Value): unknown {
  if (value.numberValue !== undefined) return value.numberValue;
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.listValue) return (value.listValue.values ?? []).map(fromValue);
  if (value.structValue)
    return mapOf(Object.entries(value.structValue.fields ?? {}).map(([key, each]) => [key, fromValue(each)]));
  return null;
}

/** Keys come from outside: `__proto__` is one like any other. */
export function mapOf<T>(entries: [string, T][]): Record<string, T> {
  const map: Record<string, T> = {};
  for (const [key, value] of entries)
    Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
  return map;
}
