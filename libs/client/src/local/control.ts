/**
 * The supervisor's control socket: HTTP on a unix socket. What takes long answers with one JSON event a line
 * (`ControlEvent`), the last of them a result or an error.
 */
import { request, type IncomingMessage } from 'node:http';
import { hostSpec, resourceName, V3Error, type ApplyResult, type Problem } from '@v3vee/contracts';
import { z } from 'zod';

export const serviceStates = ['waiting', 'starting', 'ready', 'backoff', 'stopping', 'stopped'] as const;

export const serviceStatus = z.object({
  name: z.string(),
  state: z.enum(serviceStates),
  reason: z.string(),
  pid: z.int().nullable(),
  url: z.string().nullable(),
  grpc: z.string().optional().describe('HOST:PORT, of one that serves gRPC'),
  restarts: z.int().describe('since the cluster started'),
  since: z.string().describe('when it came into this state'),
});
export type ServiceStatus = z.infer<typeof serviceStatus>;

export const clusterStatus = z.object({
  state: z.enum(['starting', 'running', 'stopping']),
  pid: z.int(),
  url: z.string().nullable(),
  grpc: z.string().optional().describe('HOST:PORT of the gateway’s gRPC'),
  startedAt: z.string(),
  services: z.array(serviceStatus),
});
export type ClusterStatus = z.infer<typeof clusterStatus>;

/** `PUT /hosts`: the hosts to run. Absent ones are stopped only when `prune` says so. */
export const hostsRequest = z.strictObject({ hosts: z.record(resourceName, hostSpec), prune: z.boolean() });
export type HostsRequest = z.input<typeof hostsRequest>;
export type HostChanges = { started: string[]; restarted: string[]; stopped: string[] };

export type ControlEvent =
  | { type: 'progress'; text: string }
  | { type: 'result'; value: unknown }
  | { type: 'error'; problem: Problem };

/** What the supervisor tells the process that started it, over IPC. That one answers `{type: 'stop'}` for a Ctrl-C. */
export type SupervisorMessage =
  | { type: 'progress'; text: string }
  | { type: 'up'; url: string; grpc?: string; changes: ApplyResult['changes'] }
  | { type: 'notice'; text: string }
  | { type: 'failed'; problem: Problem }
  | { type: 'apply-failed'; problem: Problem; url: string };

type OnProgress = (text: string) => void;

export class ControlClient {
  constructor(private readonly socketPath: string) {}

  /** Undefined where nobody listens: no supervisor runs. */
  async status(): Promise<ClusterStatus | undefined> {
    try {
      return clusterStatus.parse(await this.send('GET', '/status'));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Stops the cluster; resolves when the supervisor has ended. False where none runs. */
  async down(onProgress: OnProgress = () => {}): Promise<boolean> {
    try {
      await this.send('POST', '/down', undefined, onProgress);
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  /** Starts, restarts and (with `prune`) stops host processes so that they are those of `hosts`. */
  async putHosts(body: HostsRequest, onProgress: OnProgress = () => {}): Promise<HostChanges> {
    return (await this.send('PUT', '/hosts', body, onProgress)) as HostChanges;
  }

  /** Remembers a topology as applied, so that the next `up` starts its hosts. */
  async putTopology(topology: unknown): Promise<void> {
    await this.send('PUT', '/topology', topology);
  }

  private async send(
    method: string,
    path: string,
    body?: unknown,
    onProgress: OnProgress = () => {},
  ): Promise<unknown> {
    const response = await this.open(method, path, body);
    for await (const event of events(response)) {
      if (event.type === 'result') return event.value;
      if (event.type === 'error') throw V3Error.fromProblem(event.problem);
      onProgress(event.text);
    }
    throw new V3Error('PROCESS_FAILED', 'the supervisor ended before it answered; see "v3 logs supervisor"');
  }

  private open(method: string, path: string, body: unknown): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          socketPath: this.socketPath,
          method,
          path,
          agent: false,
          headers: { 'content-type': 'application/json' },
        },
        resolve,
      );
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

/** The events of an answer; ends early when the supervisor dies meanwhile. */
async function* events(response: IncomingMessage): AsyncGenerator<ControlEvent> {
  let rest = '';
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      const lines = (rest + (chunk as string)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines.map(line => JSON.parse(line) as ControlEvent);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  }
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ECONNREFUSED';
}
