import type { ServiceDefinition } from '@grpc/grpc-js';
import { V3Error } from '@v3vee/contracts';
import type { Wire } from '@v3vee/grpc';

const UNREADABLE = Symbol('unreadable');

/**
 * The same service, where bytes that are no message fail in their call, like all that is wrong with one, and an answer may be
 * in bytes already.
 */
export function readable(service: ServiceDefinition): ServiceDefinition {
  const methods = Object.entries(service).map(([name, method]) => {
    const requestDeserialize = (bytes: Buffer): Wire => {
      try {
        return method.requestDeserialize(bytes) as Wire;
      } catch (thrown) {
        return { [UNREADABLE]: (thrown as Error).message } as Wire;
      }
    };
    const responseSerialize = (answer: Wire | Buffer): Buffer =>
      Buffer.isBuffer(answer) ? answer : method.responseSerialize(answer);
    return [name, { ...method, requestDeserialize, responseSerialize }];
  });
  return Object.fromEntries(methods) as ServiceDefinition;
}

/** @throws V3Error INVALID_REQUEST */
export function read(wire: Wire): Wire {
  if (!(UNREADABLE in wire)) return wire;
  throw new V3Error('INVALID_REQUEST', `the bytes are no message of this call: ${String(wire[UNREADABLE])}`);
}
