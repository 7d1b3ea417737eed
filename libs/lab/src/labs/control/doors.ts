import { Agent, get } from 'node:http';
import { Client as Channel, credentials, Metadata } from '@grpc/grpc-js';
import type { EndpointName, RestStreamName } from '@v3vee/contracts';
import { api, rpcName, serviceDefinition, toWire, type Json, type Rpc } from '@v3vee/grpc';

/** What is asked again and again at one door; `close` when nobody asks any more. */
export interface Reader {
  /** Resolves with the answer, which nobody looks into. @throws Error what was answered instead */
  read(index: number): Promise<void>;
  close(): void;
}

/** GETs over kept connections, as many as there are requests under way. */
export function restReader(url: string, headers: Record<string, string>, paths: readonly string[]): Reader {
  const agent = new Agent({ keepAlive: true });
  return {
    read: index =>
      new Promise((resolve, reject) => {
        get(`${url}${paths[index % paths.length]}`, { agent, headers }, answer => {
          answer.on('error', reject).on('end', () => {
            if (answer.statusCode === 200) resolve();
            else reject(new Error(`HTTP ${answer.statusCode}`));
          });
          answer.resume();
        }).on('error', reject);
      }),
    close: () => agent.destroy(),
  };
}

/** A unary call: its path and its message. */
export interface RawCall {
  path: string;
  message: Buffer;
}

/** Calls on one connection; answers stay bytes. */
export function grpcReader(address: string, token: string, calls: readonly RawCall[]): Reader {
  const channel = channelTo(address);
  const metadata = metadataOf(token);
  return {
    read: index =>
      new Promise((resolve, reject) => {
        const { path, message } = calls[index % calls.length] as RawCall;
        channel.makeUnaryRequest(path, asIs, asIs, message, metadata, error =>
          error ? reject(error) : resolve(),
        );
      }),
    close: () => channel.close(),
  };
}

const asIs = (bytes: Buffer): Buffer => bytes;

/** With a connection of its own: a gateway lets 256 calls be under way on each. */
export const channelTo = (address: string): Channel =>
  new Channel(address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
  });

export function metadataOf(token: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

export function rpcOf(name: EndpointName | RestStreamName) {
  for (const service of api().services) {
    const rpc = service.rpcs.find(each => each.name === name);
    if (rpc)
      return { rpc, definition: serviceDefinition(service)[rpcName(rpc) as keyof object] as Definition };
  }
  throw new Error(`there is no RPC ${name}`);
}

interface Definition {
  path: string;
  requestSerialize(wire: object): Buffer;
  responseDeserialize(bytes: Buffer): object;
}

export function rawCall(name: EndpointName, request: Json): RawCall {
  const { rpc, definition } = rpcOf(name) as { rpc: Rpc; definition: Definition };
  return { path: definition.path, message: definition.requestSerialize(toWire(rpc.request, request)) };
}
