/**
 * Names of attributes: OpenTelemetry's semantic conventions (HTTP, RPC and messaging, as of 1.45), and our own under
 * `v3.`. As literals, because a process that makes no spans should not load the conventions' 1,500 names.
 */
export const ATTRIBUTE = {
  method: 'http.request.method',
  route: 'http.route',
  path: 'url.path',
  status: 'http.response.status_code',
  rpcSystem: 'rpc.system',
  rpcService: 'rpc.service',
  rpcMethod: 'rpc.method',
  grpcStatus: 'rpc.grpc.status_code',
  messaging: 'messaging.system',
  subject: 'messaging.destination.name',
  subjectTemplate: 'messaging.destination.template',
  /** Code of our catalogue of errors. */
  error: 'error.type',
  requestId: 'v3.request_id',
  operation: 'v3.operation.id',
  verb: 'v3.operation.verb',
  target: 'v3.operation.target',
  migration: 'v3.migration.id',
  vm: 'v3.vm',
  from: 'v3.migration.source',
  to: 'v3.migration.target',
  phase: 'v3.migration.phase',
  pages: 'v3.migration.pages_sent',
  bytes: 'v3.migration.bytes_sent',
  rounds: 'v3.migration.rounds',
  downtime: 'v3.migration.downtime_ms',
} as const;
