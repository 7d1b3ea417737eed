/**
 * The one error catalogue. Every failure that leaves a service, on whatever door (REST, gRPC, NATS, CLI),
 * is an entry of this table: stable code, title, HTTP status (RFC 9457 problem+json), gRPC status
 * (google.rpc.Code) and the exit code of `v3`.
 */
interface ErrorEntry {
  readonly title: string;
  readonly http: number;
  readonly grpc: GrpcStatus;
  /** 1 = it failed, 2 = it was called wrongly. */
  readonly exit: 1 | 2;
}

type GrpcStatus =
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

const entry = (title: string, http: number, grpc: GrpcStatus, exit: 1 | 2 = 1): ErrorEntry => ({
  title,
  http,
  grpc,
  exit,
});

export const errorCatalogue = {
  // the request
  INVALID_REQUEST: entry('The request is not valid', 400, 'INVALID_ARGUMENT', 2),
  MALFORMED_JSON: entry('The body is not JSON', 400, 'INVALID_ARGUMENT', 2),
  BODY_TOO_LARGE: entry('The body is too large', 413, 'INVALID_ARGUMENT', 2),
  PAGE_TOKEN_INVALID: entry('The page token is not one of ours', 400, 'INVALID_ARGUMENT', 2),
  UNAUTHENTICATED: entry('A valid token is required', 401, 'UNAUTHENTICATED'),
  ORIGIN_NOT_ALLOWED: entry('Pages of other origins may not use this', 403, 'PERMISSION_DENIED'),
  SERVER_NAME_NOT_ALLOWED: entry('This is no name of the gateway', 421, 'PERMISSION_DENIED'),
  PERMISSION_DENIED: entry('This is not allowed to the caller', 403, 'PERMISSION_DENIED'),
  RATE_LIMITED: entry('Too many requests', 429, 'RESOURCE_EXHAUSTED'),
  ROUTE_NOT_FOUND: entry('There is nothing at this address', 404, 'NOT_FOUND'),
  RESOURCE_VERSION_TOO_OLD: entry('The log of events does not go back so far', 410, 'OUT_OF_RANGE'),
  REQUEST_ID_REUSED: entry('This request id was used for another request', 409, 'ALREADY_EXISTS'),
  REQUEST_IN_PROGRESS: entry('A request with this id is still under way', 409, 'ABORTED'),
  USAGE: entry('The command was called wrongly', 400, 'INVALID_ARGUMENT', 2),
  // users and projects
  USER_NOT_FOUND: entry('No such user', 404, 'NOT_FOUND'),
  USER_EXISTS: entry('A user of this name exists', 409, 'ALREADY_EXISTS'),
  TOKEN_NOT_FOUND: entry('No such token', 404, 'NOT_FOUND'),
  PROJECT_NOT_FOUND: entry('No such project', 404, 'NOT_FOUND'),
  PROJECT_EXISTS: entry('A project of this name exists', 409, 'ALREADY_EXISTS'),
  PROJECT_IN_USE: entry('The project is in use', 409, 'FAILED_PRECONDITION'),
  QUOTA_EXCEEDED: entry('The project has no more of this', 409, 'RESOURCE_EXHAUSTED'),
  // the cluster description
  CLUSTER_FILE_INVALID: entry('The cluster file is not valid', 400, 'INVALID_ARGUMENT', 2),
  CLUSTER_FILE_UNREADABLE: entry('The cluster file cannot be read', 400, 'INVALID_ARGUMENT', 2),
  CLUSTER_BUSY: entry('Another change of the cluster is under way', 409, 'ABORTED'),
  // hosts
  HOST_NOT_FOUND: entry('No such host', 404, 'NOT_FOUND'),
  HOST_NOT_READY: entry('The host does not answer', 503, 'UNAVAILABLE'),
  HOST_CORDONED: entry('The host gets no further virtual machines', 409, 'FAILED_PRECONDITION'),
  HOST_IN_USE: entry('The host still has virtual machines', 409, 'FAILED_PRECONDITION'),
  HOST_MEMORY_EXHAUSTED: entry('The host has not enough contiguous memory', 409, 'RESOURCE_EXHAUSTED'),
  HOST_CORES_EXHAUSTED: entry('The host has no free core', 409, 'RESOURCE_EXHAUSTED'),
  HOST_CORE_NOT_FOUND: entry('The host has no such core', 404, 'NOT_FOUND'),
  HOST_CORE_IN_USE: entry('The core of the host is taken', 409, 'FAILED_PRECONDITION'),
  TASK_NOT_FOUND: entry('The host has no such task', 404, 'NOT_FOUND'),
  HOST_NOT_CLAIMED: entry('The host does not know yet what its guests hold', 503, 'UNAVAILABLE'),
  HOST_CLAIM_CONFLICT: entry('What the guests hold does not fit the host', 409, 'FAILED_PRECONDITION'),
  // networks
  NETWORK_NOT_FOUND: entry('No such network', 404, 'NOT_FOUND'),
  NETWORK_EXISTS: entry('A network of this name exists', 409, 'ALREADY_EXISTS'),
  NETWORK_IN_USE: entry('The network still has NICs', 409, 'FAILED_PRECONDITION'),
  // the overlay
  NIC_NOT_FOUND: entry('The virtual machine has no such NIC', 404, 'NOT_FOUND'),
  VNET_ROUTE_NOT_FOUND: entry('No such route', 404, 'NOT_FOUND'),
  VNET_ROUTE_EXISTS: entry('This route exists', 409, 'ALREADY_EXISTS'),
  VNET_LINK_NOT_FOUND: entry('No such link', 404, 'NOT_FOUND'),
  VNET_LINK_EXISTS: entry('This link exists', 409, 'ALREADY_EXISTS'),
  VNET_LINK_IN_USE: entry('Routes lead over the link', 409, 'FAILED_PRECONDITION'),
  VNET_CONTROL_INVALID: entry('This is not a line of the VNET language', 400, 'INVALID_ARGUMENT', 2),
  CAPTURE_FILTER_INVALID: entry('The capture filter is not valid', 400, 'INVALID_ARGUMENT', 2),
  CAPTURE_POINT_NOT_FOUND: entry('There is nothing to capture at', 404, 'NOT_FOUND'),
  // physical devices
  DEVICE_NOT_FOUND: entry('No such physical device', 404, 'NOT_FOUND'),
  DEVICE_IN_USE: entry('The physical device is in use', 409, 'FAILED_PRECONDITION'),
  DEVICE_MISMATCH: entry('The host has no such device', 409, 'FAILED_PRECONDITION'),
  DEVICE_NOT_REUSABLE: entry('The physical device cannot be given away now', 409, 'ABORTED'),
  // Wi-Fi
  RADIO_NOT_FOUND: entry('No such radio', 404, 'NOT_FOUND'),
  ACCESS_POINT_NOT_FOUND: entry('No such access point', 404, 'NOT_FOUND'),
  ACCESS_POINT_EXISTS: entry('An access point of this name exists', 409, 'ALREADY_EXISTS'),
  STATION_NOT_FOUND: entry('No such station', 404, 'NOT_FOUND'),
  // images
  IMAGE_NOT_FOUND: entry('No such image', 404, 'NOT_FOUND'),
  IMAGE_EXISTS: entry('An image of this name exists', 409, 'ALREADY_EXISTS'),
  IMAGE_IN_USE: entry('The image is in use', 409, 'FAILED_PRECONDITION'),
  IMAGE_INVALID: entry('The image cannot be used', 400, 'INVALID_ARGUMENT'),
  IMAGE_CORRUPT: entry('The image is damaged', 500, 'DATA_LOSS'),
  BLOB_NOT_FOUND: entry('No such blob', 404, 'NOT_FOUND'),
  BLOB_CORRUPT: entry('The data does not match its digest', 400, 'DATA_LOSS'),
  // disks
  DISK_NOT_FOUND: entry('No such disk', 404, 'NOT_FOUND'),
  DISK_EXISTS: entry('A disk of this name exists', 409, 'ALREADY_EXISTS'),
  DISK_IN_USE: entry('The disk is in use', 409, 'FAILED_PRECONDITION'),
  // virtual machines
  VM_NOT_FOUND: entry('No such virtual machine', 404, 'NOT_FOUND'),
  VM_EXISTS: entry('A virtual machine of this name exists', 409, 'ALREADY_EXISTS'),
  VM_WRONG_STATE: entry('The virtual machine is in the wrong state for this', 409, 'FAILED_PRECONDITION'),
  VM_BUSY: entry('Another operation is under way on this virtual machine', 409, 'ABORTED'),
  VM_NO_AGENT: entry('The guest agent does not answer', 409, 'UNAVAILABLE'),
  VM_CHANGE_NEEDS_STOP: entry(
    'This change needs the virtual machine to be stopped',
    409,
    'FAILED_PRECONDITION',
  ),
  MAC_IN_USE: entry('This MAC address is in use', 409, 'ALREADY_EXISTS'),
  IP_IN_USE: entry('This IP address is in use', 409, 'ALREADY_EXISTS'),
  EXEC_TIMEOUT: entry('The command did not end in time', 504, 'DEADLINE_EXCEEDED'),
  EXEC_FAILED: entry('The command could not be started in the guest', 409, 'FAILED_PRECONDITION'),
  GUEST_FAILED: entry('The guest failed', 500, 'INTERNAL'),
  // native jobs
  JOB_NOT_FOUND: entry('No such job', 404, 'NOT_FOUND'),
  JOB_BINARY_INVALID: entry('The binary cannot be run', 400, 'INVALID_ARGUMENT'),
  JOB_WRONG_STATE: entry('The job is in the wrong state for this', 409, 'FAILED_PRECONDITION'),
  // labs
  LAB_NOT_FOUND: entry('No such lab', 404, 'NOT_FOUND'),
  LAB_BUSY: entry('A lab is running', 409, 'ABORTED'),
  LABRUN_NOT_FOUND: entry('No such run of a lab', 404, 'NOT_FOUND'),
  LABRUN_WRONG_STATE: entry('The run of the lab is in the wrong state for this', 409, 'FAILED_PRECONDITION'),
  // saved states
  SNAPSHOT_NOT_FOUND: entry('No such snapshot', 404, 'NOT_FOUND'),
  SNAPSHOT_EXISTS: entry('A snapshot of this name exists', 409, 'ALREADY_EXISTS'),
  STATE_INVALID: entry('This is not a saved state', 400, 'INVALID_ARGUMENT'),
  STATE_CORRUPT: entry('The saved state is damaged', 500, 'DATA_LOSS'),
  STATE_INCOMPATIBLE: entry('The saved state does not fit this machine', 409, 'FAILED_PRECONDITION'),
  // migrations
  MIGRATION_NOT_FOUND: entry('No such migration', 404, 'NOT_FOUND'),
  MIGRATION_BLOCKED: entry('The virtual machine cannot be moved there', 409, 'FAILED_PRECONDITION'),
  MIGRATION_TOO_LATE: entry('The virtual machine has been handed over already', 409, 'FAILED_PRECONDITION'),
  MIGRATION_CANCELLED: entry('The migration was cancelled', 409, 'ABORTED'),
  MIGRATION_FAILED: entry('The migration failed', 500, 'ABORTED'),
  // operations and services
  OPERATION_NOT_FOUND: entry('No such operation', 404, 'NOT_FOUND'),
  TIMEOUT: entry('It took too long', 504, 'DEADLINE_EXCEEDED'),
  SERVICE_UNAVAILABLE: entry('A service does not answer', 503, 'UNAVAILABLE'),
  BUS_REFUSED: entry('The NATS server does not let this service say that', 500, 'PERMISSION_DENIED'),
  STORAGE_FULL: entry('There is no space left on the disk', 507, 'RESOURCE_EXHAUSTED'),
  INTERNAL: entry('Something went wrong inside', 500, 'INTERNAL'),
  // set-up and the launcher
  SETUP_FAILED: entry('The set-up failed', 500, 'UNAVAILABLE'),
  ALREADY_RUNNING: entry('The cluster is already running', 409, 'ALREADY_EXISTS'),
  NOT_RUNNING: entry('The cluster is not running', 409, 'FAILED_PRECONDITION'),
  PORT_IN_USE: entry('The port is in use', 409, 'FAILED_PRECONDITION'),
  PROCESS_FAILED: entry('A process of the cluster failed', 500, 'INTERNAL'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/** One thing that is wrong with the input: where (a path such as `vms.a1.nics[0].mac`), and what would be right. */
export interface FieldError {
  path: string;
  message: string;
  line?: number;
  column?: number;
}

/** An error as it travels: RFC 9457 members plus our code and the wrong fields. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  errors?: FieldError[];
  requestId?: string;
}

/** The only error class that services throw on purpose. `detail` says what was wrong, where, and what would be right. */
export class V3Error extends Error {
  readonly code: ErrorCode;
  readonly fields: FieldError[] | undefined;

  constructor(code: ErrorCode, detail: string, options: { cause?: unknown; fields?: FieldError[] } = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'V3Error';
    this.code = code;
    this.fields = options.fields;
  }

  get http(): number {
    return errorCatalogue[this.code].http;
  }

  get exitCode(): 1 | 2 {
    return errorCatalogue[this.code].exit;
  }

  toProblem(requestId?: string): Problem {
    const { title, http } = errorCatalogue[this.code];
    return {
      type: `urn:v3vee:error:${this.code.toLowerCase().replaceAll('_', '-')}`,
      title,
      status: http,
      detail: this.message,
      code: this.code,
      ...(this.fields ? { errors: this.fields } : {}),
      ...(requestId ? { requestId } : {}),
    };
  }

  static fromProblem(problem: { code?: string; detail?: string; errors?: FieldError[] }): V3Error {
    const code = problem.code && problem.code in errorCatalogue ? (problem.code as ErrorCode) : 'INTERNAL';
    return new V3Error(code, problem.detail ?? errorCatalogue[code].title, { fields: problem.errors });
  }

  /** Whatever was thrown, as one of ours: unknown errors become INTERNAL, a full disk says so. */
  static from(thrown: unknown): V3Error {
    if (thrown instanceof V3Error) return thrown;
    const code = (thrown as { code?: unknown } | null)?.code;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    if (code === 'ENOSPC') return new V3Error('STORAGE_FULL', message, { cause: thrown });
    return new V3Error('INTERNAL', message, { cause: thrown });
  }
}
