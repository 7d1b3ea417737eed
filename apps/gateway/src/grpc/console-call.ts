import type { IncomingMessage } from 'node:http';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { consolePath, MAX_CONSOLE_MESSAGE, V3Error } from '@v3vee/contracts';
import { DATA, type Wire } from '@v3vee/grpc';
import { WebSocket } from 'ws';
import { problemOf, Refused } from './answers';
import { peerOf, type CallContext } from './calls';
import { read } from './readable';

/** What a client may have typed before its console is open, messages. */
const MAX_EARLY = 64;
/** Of the console's WebSocket: why the gateway closed it. */
const codes: Record<number, 'VM_WRONG_STATE' | 'HOST_NOT_READY'> = {
  4404: 'VM_WRONG_STATE',
  4503: 'HOST_NOT_READY',
};

/** Both ways between a call and the console's WebSocket. */
export function consoleCall({ http, fail }: CallContext) {
  return (call: ServerDuplexStream<Wire, Wire>): void => {
    let socket: WebSocket | undefined;
    const early: Buffer[] = [];
    let isOver = false;
    const finish = (thrown?: unknown) => {
      if (isOver) return;
      isOver = true;
      socket?.terminate();
      if (thrown === undefined) call.end();
      else call.emit('error', fail(thrown));
    };
    const type = (data: Buffer | undefined) => {
      if (!data?.length) return;
      if (data.length > MAX_CONSOLE_MESSAGE)
        throw new V3Error(
          'BODY_TOO_LARGE',
          `a message to a console has at most ${MAX_CONSOLE_MESSAGE} bytes`,
        );
      if (socket?.readyState === WebSocket.OPEN) {
        socket.send(data);
        // What the guest does not take yet is not read from the client.
        if (socket.bufferedAmount > 0) {
          call.pause();
          setImmediate(() => call.resume());
        }
      } else if (early.push(data) > MAX_EARLY)
        finish(new V3Error('INVALID_REQUEST', 'the console is not open yet'));
    };
    call.on('data', (wire: Wire) => {
      if (isOver) return;
      try {
        socket ??= open(read(wire));
        type(read(wire)[DATA] as Buffer | undefined);
      } catch (thrown) {
        finish(thrown);
      }
    });
    call.on('end', () => {
      if (socket) socket.close(1000);
      else finish(new V3Error('INVALID_REQUEST', 'the first message names the VM; there was none'));
    });
    call.on('error', () => finish());
    call.on('cancelled', () => finish());

    const open = (wire: Wire): WebSocket => {
      const vm = wire.vm as string | undefined;
      if (!vm) throw new V3Error('INVALID_REQUEST', 'vm: the first message names the VM');
      const authorization = call.metadata.get('authorization')[0];
      const opened = new WebSocket(`ws://localhost${consolePath(vm)}`, {
        headers: authorization === undefined ? {} : { authorization: String(authorization) },
        createConnection: () => http.connect(peerOf(call)) as never,
        perMessageDeflate: false,
      });
      opened.on('open', () => {
        for (const data of early.splice(0)) opened.send(data);
      });
      opened.on('unexpected-response', (_, answer: IncomingMessage) => {
        problemOf(answer).then(problem => finish(new Refused(problem)), finish);
      });
      opened.on('message', (data: Buffer) => {
        if (isOver || call.write({ [DATA]: data })) return;
        opened.pause();
        call.once('drain', () => opened.resume());
      });
      opened.on('error', cause =>
        finish(new V3Error('SERVICE_UNAVAILABLE', 'the console broke off', { cause })),
      );
      opened.on('close', (code, reason) => {
        if (code === 1000) finish();
        else
          finish(
            new V3Error(codes[code] ?? 'SERVICE_UNAVAILABLE', reason.toString() || 'the console broke off'),
          );
      });
      return opened;
    };
  };
}
