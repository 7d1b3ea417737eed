import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import {
  Metadata,
  type sendUnaryData,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { restStreams, V3Error, type RestStream } from '@v3vee/contracts';
import { DATA, TEXT, toWire, type Json, type Rpc, type Wire } from '@v3vee/grpc';
import { answerTo, lines, pieces, problemOf, Refused, textOf } from './answers';
import { EncodedLines } from './encoded-lines';
import type { InProcess } from './in-process';
import { read } from './readable';
import { restRequest } from './rest-request';

type Fail = (thrown: unknown) => Parameters<sendUnaryData<Wire>>[0];

export interface CallContext {
  http: InProcess;
  /** What a client may see of an error, as a status. */
  fail: Fail;
}

type Cancellable = Pick<ServerUnaryCall<Wire, Wire>, 'cancelled'> & NodeJS.EventEmitter;

/** IP address of who calls. */
export const peerOf = (call: { getPeer(): string }): string => call.getPeer().replace(/:\d+$/, '');

/** A client that leaves takes its request along. */
function leaveWith(call: Cancellable, request: ClientRequest): void {
  if (call.cancelled) request.destroy();
  else call.once('cancelled', () => request.destroy());
}

async function succeeded(request: ClientRequest): Promise<IncomingMessage> {
  const answer = await answerTo(request);
  if ((answer.statusCode ?? 500) >= 400) throw new Refused(await problemOf(answer));
  return answer;
}

async function message(rpc: Rpc, answer: IncomingMessage): Promise<Wire> {
  const text = await textOf(answer);
  const isText = rpc.response.fields.length === 1 && rpc.response.fields[0]?.name === TEXT;
  return toWire(rpc.response, isText ? { [TEXT]: text } : (JSON.parse(text || '{}') as Json));
}

export function unary(rpc: Rpc, { http, fail }: CallContext) {
  return (call: ServerUnaryCall<Wire, Wire>, done: sendUnaryData<Wire>): void => {
    const run = async () => {
      const { body, ...options } = restRequest(rpc, read(call.request), call.metadata);
      const request = http.request(options, peerOf(call));
      leaveWith(call, request);
      const answer = succeeded(request);
      request.end(body);
      return message(rpc, await answer);
    };
    run().then(
      wire => done(null, wire),
      (thrown: unknown) => done(fail(thrown)),
    );
  };
}

/** @param serialize of its messages */
export function download(rpc: Rpc, { http, fail }: CallContext, serialize: (wire: Wire) => Buffer) {
  const { answers } = (restStreams as Record<string, RestStream>)[rpc.name] as RestStream;
  const encoded = new EncodedLines(rpc, serialize);
  return (call: ServerWritableStream<Wire, Wire | Buffer>): void => {
    const run = async () => {
      const { body, ...options } = restRequest(rpc, read(call.request), call.metadata);
      const request = http.request(options, peerOf(call));
      leaveWith(call, request);
      const pending = succeeded(request);
      request.end(body);
      const answer = await pending;
      // It is under way, which its reader learns now though nothing may happen for long.
      call.sendMetadata(new Metadata());
      const messages = 'lines' in answers ? lines(answer) : pieces(answer);
      for await (const each of messages) {
        // One at a time, since the library counts messages and not bytes. A slow reader holds up what is read of the
        // REST answer, whose stream then leaves items out.
        await written(call, Buffer.isBuffer(each) ? { [DATA]: each } : encoded.of(each));
        if (call.cancelled) break;
      }
    };
    run().then(
      () => call.end(),
      (thrown: unknown) => void call.emit('error', fail(thrown)),
    );
  };
}

/** Resolves when a message has gone to the connection, or its client has. */
function written(call: ServerWritableStream<Wire, Wire | Buffer>, wire: Wire | Buffer): Promise<void> {
  return new Promise(resolve => {
    const over = () => {
      call.off('cancelled', over);
      resolve();
    };
    call.once('cancelled', over);
    if (call.cancelled) over();
    else call.write(wire, over);
  });
}

export function upload(rpc: Rpc, { http, fail }: CallContext) {
  return (call: ServerReadableStream<Wire, Wire>, done: sendUnaryData<Wire>): void => {
    const run = async () => {
      const parts = (call as AsyncIterable<Wire>)[Symbol.asyncIterator]();
      const first = await parts.next();
      if (first.done)
        throw new V3Error('INVALID_REQUEST', 'the first message says what is uploaded; there was none');
      const request = http.request(restRequest(rpc, read(first.value), call.metadata), peerOf(call));
      leaveWith(call, request);
      const answer = succeeded(request);
      let isAnswered = false;
      const settled = answer.then(
        () => (isAnswered = true),
        () => (isAnswered = true),
      );
      for (
        let part: IteratorResult<Wire, unknown> = first;
        !part.done && !isAnswered;
        part = await Promise.race([parts.next(), over(settled)])
      ) {
        const data = read(part.value)[DATA] as Buffer | undefined;
        if (data && !request.write(data)) await Promise.race([once(request, 'drain'), settled]);
      }
      request.end();
      return message(rpc, await answer);
    };
    run().then(
      wire => done(null, wire),
      (thrown: unknown) => done(fail(thrown)),
    );
  };
}

/** The end of what is uploaded, when its answer is there before. */
const over = async (settled: Promise<unknown>): Promise<IteratorReturnResult<undefined>> => {
  await settled;
  return { done: true, value: undefined };
};
