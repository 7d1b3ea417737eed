import { V3Error } from '@v3vee/contracts';
import { fromWire, type Json, type Wire } from './codec';
import type { Message } from './model';

/**
 * The body of a partial update: what the mask names (AIP-134), also where it is empty; without a mask, what is there.
 * @throws V3Error INVALID_REQUEST: the mask names what is no field, or a field that can't be taken away
 */
export function maskedBody(message: Message, wire: Wire | undefined, paths: readonly string[]): Json {
  if (paths.length === 0) return fromWire(message, wire ?? {}, 'request');
  const fields = paths.map(path => {
    const field = message.fields.find(({ proto, name }) => proto === path || name === path);
    if (field) return field;
    throw wrong(
      `there is no field "${path}"; fields are: ${message.fields.map(({ proto }) => proto).join(', ')}`,
    );
  });
  const named = new Set(fields.map(({ name }) => name));
  const body = fromWire(message, wire ?? {}, 'request', named);
  const missing = fields.find(({ name }) => !(name in body));
  if (missing) throw wrong(`it names ${missing.proto}, which the body has no value for`);
  return Object.fromEntries(Object.entries(body).filter(([name]) => named.has(name)));
}

const wrong = (message: string) =>
  new V3Error('INVALID_REQUEST', `update_mask: ${message}`, { fields: [{ path: 'update_mask', message }] });
