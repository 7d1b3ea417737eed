import type { Duplex } from 'node:stream';
import { consolePath, V3Error, type Problem } from '@v3vee/contracts';
import WebSocket, { createWebSocketStream } from 'ws';
import type { Client } from './client';

export interface ConsoleSession {
  /** Raw bytes of the serial console, both ways. Ends when either side closes. */
  stream: Duplex;
  /** How it was closed: the code of RFC 6455 (1000: in order; 1006: cut off) and the other side's reason. */
  closed: Promise<{ code: number; reason: string }>;
}

/** Opens a VM's serial console. */
export function openConsole(client: Client, vm: string): Promise<ConsoleSession> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${client.url.replace(/^http/, 'ws')}${consolePath(vm)}`, {
      headers: client.headers(),
      ca: client.ca,
      handshakeTimeout: 15_000,
    });
    // The stream must be there before the first message, which may come with the handshake.
    const stream = createWebSocketStream(socket);
    const closed = new Promise<{ code: number; reason: string }>(tell =>
      socket.on('close', (code, reason) => tell({ code, reason: reason.toString() })),
    );
    const refuse = (error: Error) => {
      stream.on('error', () => {});
      stream.destroy();
      reject(error);
    };
    socket.on('unexpected-response', (_request, response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        socket.terminate();
        refuse(toError(text, response.statusCode));
      });
    });
    const failed = (error: Error) =>
      refuse(
        new V3Error('SERVICE_UNAVAILABLE', `the console of ${vm} cannot be opened: ${error.message}`, {
          cause: error,
        }),
      );
    stream.once('error', failed);
    socket.once('open', () => {
      stream.off('error', failed);
      resolve({ stream, closed });
    });
  });
}

function toError(text: string, status: number | undefined): V3Error {
  try {
    return V3Error.fromProblem(JSON.parse(text) as Partial<Problem>);
  } catch {
    return new V3Error('SERVICE_UNAVAILABLE', `the gateway refused the console (HTTP ${status})`);
  }
}
