import { chmodSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { topology, V3Error, validate, type Topology } from '@v3vee/contracts';
import {
  hostsRequest,
  type ClusterStatus,
  type ControlEvent,
  type HostChanges,
  type HostsRequest,
} from '@v3vee/client';
import type { z } from 'zod';

type OnProgress = (text: string) => void;

/** What the control socket can ask of the supervisor. */
export interface Controlled {
  status(): ClusterStatus;
  /** Resolves when everything has stopped. */
  down(onProgress: OnProgress): Promise<void>;
  putHosts(request: z.output<typeof hostsRequest>, onProgress: OnProgress): Promise<HostChanges>;
  putTopology(applied: Topology): void;
}

const MAX_REQUEST_BYTES = 1024 * 1024;

/** Listens on the control socket; a socket that a killed supervisor left is replaced (see `isAnswered`). */
export async function listenForControl(socketPath: string, controlled: Controlled): Promise<Server> {
  const folder = dirname(socketPath);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (statSync(folder).uid !== (process.getuid?.() ?? 0)) {
    throw new V3Error('SETUP_FAILED', `${folder} belongs to another user; remove it or set V3_STATE_DIR`);
  }
  rmSync(socketPath, { force: true });
  const server = createServer((request, response) => void answer(controlled, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(socketPath, resolve);
  });
  // Its folder lets nobody in before this (0700), or only through (0711, without listing).
  chmodSync(socketPath, 0o600);
  return server;
}

async function answer(
  controlled: Controlled,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const send = (event: ControlEvent) => void response.write(`${JSON.stringify(event)}\n`);
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
  try {
    const value = await handle(controlled, request, text => send({ type: 'progress', text }));
    send({ type: 'result', value: value ?? null });
  } catch (error) {
    send({ type: 'error', problem: V3Error.from(error).toProblem() });
  }
  response.end();
}

async function handle(
  controlled: Controlled,
  request: IncomingMessage,
  onProgress: OnProgress,
): Promise<unknown> {
  switch (`${request.method} ${request.url}`) {
    case 'GET /status':
      return controlled.status();
    case 'POST /down':
      return controlled.down(onProgress);
    case 'PUT /hosts':
      return controlled.putHosts(validate(hostsRequest, await readBody(request)), onProgress);
    case 'PUT /topology':
      return controlled.putTopology(validate(topology, await readBody(request)));
    default:
      throw new V3Error('ROUTE_NOT_FOUND', `${request.method} ${request.url} is not of the control socket`);
  }
}

async function readBody(request: IncomingMessage): Promise<HostsRequest> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk as string;
    if (text.length > MAX_REQUEST_BYTES)
      throw new V3Error('BODY_TOO_LARGE', `at most ${MAX_REQUEST_BYTES} bytes`);
  }
  try {
    return JSON.parse(text) as HostsRequest;
  } catch (cause) {
    throw new V3Error('MALFORMED_JSON', (cause as Error).message, { cause });
  }
}
