import { Metadata, status, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { errorCatalogue, V3Error, type FieldError, type Problem } from '@v3vee/contracts';
import { messageType } from './load';

const DETAILS = 'grpc-status-details-bin';
const TYPE = 'type.googleapis.com/';
const DOMAIN = 'v3vee';

interface Any {
  type_url?: string;
  value?: Buffer;
}
interface ErrorInfo {
  reason?: string;
  domain?: string;
  metadata?: Record<string, string>;
}
interface BadRequest {
  field_violations?: { field?: string; description?: string }[];
}

/** A problem of the REST interface as a gRPC status, with google.rpc.Status and its details as a trailer. */
export function statusOf(problem: Problem): StatusObject {
  const code = status[errorCatalogue[problem.code].grpc];
  const places: [string, string][] = (problem.errors ?? []).flatMap(({ line, column }, n) => [
    ...(line === undefined ? [] : [[`errors[${n}].line`, String(line)] as [string, string]]),
    ...(column === undefined ? [] : [[`errors[${n}].column`, String(column)] as [string, string]]),
  ]);
  const details = [
    any('google.rpc.ErrorInfo', {
      reason: problem.code,
      domain: DOMAIN,
      metadata: { title: problem.title, httpStatus: String(problem.status), ...Object.fromEntries(places) },
    } satisfies ErrorInfo),
    ...(problem.errors
      ? [
          any('google.rpc.BadRequest', {
            field_violations: problem.errors.map(({ path, message }) => ({
              field: path,
              description: message,
            })),
          } satisfies BadRequest),
        ]
      : []),
    ...(problem.requestId ? [any('google.rpc.RequestInfo', { request_id: problem.requestId })] : []),
  ];
  const metadata = new Metadata();
  metadata.set(
    DETAILS,
    messageType('google.rpc.Status').serialize({ code, message: problem.detail, details }),
  );
  return { code, details: problem.detail, metadata };
}

/** What the gateway answered, from a failed call; undefined where the failure is not of its words. */
export function errorOf(failure: Pick<ServiceError, 'metadata' | 'details'>): V3Error | undefined {
  const [packed] = failure.metadata?.get(DETAILS) ?? [];
  if (!Buffer.isBuffer(packed)) return undefined;
  let details: Any[];
  try {
    details = (messageType('google.rpc.Status').deserialize(packed) as { details?: Any[] }).details ?? [];
    const info = unpack<ErrorInfo>(details, 'google.rpc.ErrorInfo');
    if (info?.domain !== DOMAIN) return undefined;
    const violations = unpack<BadRequest>(details, 'google.rpc.BadRequest')?.field_violations;
    const errors = violations?.map(({ field = '', description = '' }, n): FieldError => {
      const line = info.metadata?.[`errors[${n}].line`];
      const column = info.metadata?.[`errors[${n}].column`];
      return {
        path: field,
        message: description,
        ...(line === undefined ? {} : { line: Number(line) }),
        ...(column === undefined ? {} : { column: Number(column) }),
      };
    });
    return V3Error.fromProblem({ code: info.reason, detail: failure.details, errors });
  } catch {
    return undefined;
  }
}

function any(name: string, content: object): Any {
  return { type_url: TYPE + name, value: messageType(name).serialize(content) };
}

function unpack<T>(details: Any[], name: string): T | undefined {
  const found = details.find(({ type_url }) => type_url === TYPE + name);
  return found && (messageType(name).deserialize(found.value ?? Buffer.alloc(0)) as T);
}
