import { get } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import type { Client as Channel } from '@grpc/grpc-js';
import { channelTo, metadataOf, rpcOf } from './doors';
import type { Access } from './access';

export const doors = ['REST', 'gRPC'] as const;
export type Door = (typeof doors)[number];
export const lists = ['vms', 'events'] as const;
export type WatchedHere = (typeof lists)[number];

export interface Line {
  resourceVersion: string;
  name: string;
  /** When it came, ms since 1970. */
  at: number;
}

/** A watch with as little around it as can be: many fit into one process. */
export interface Watcher {
  door: Door;
  list: WatchedHere;
  /** Of changes: what there was when it began is left out. */
  lines: Line[];
  /** Why it ended by itself. */
  ended: string | undefined;
  close(): Promise<void>;
}

/** How many calls the gateway takes on one connection, less some for safety. */
const CALLS_OF_CHANNEL = 200;

/** Opens watches and closes them. */
export class Watchers {
  private readonly channels: Channel[] = [];
  private calls = 0;
  readonly all: Watcher[] = [];

  constructor(
    private readonly access: Access,
    /** At each line. */
    private readonly onLine: () => void = () => undefined,
  ) {}

  /** Resolves when it is under way. @throws Error when it is refused */
  async open(door: Door, list: WatchedHere): Promise<Watcher> {
    const watcher: Watcher = { door, list, lines: [], ended: undefined, close: async () => undefined };
    const take = (line: { resourceVersion: string; name: string; type?: string }) => {
      if (line.type === 'PRESENT' || line.type === 'BOOKMARK') return;
      watcher.lines.push({ resourceVersion: line.resourceVersion, name: line.name, at: Date.now() });
      this.onLine();
    };
    const end = (why: string) => (watcher.ended = why);
    watcher.close =
      door === 'REST'
        ? await openRest(this.access, list, take, end)
        : await openGrpc(this.channel(), this.access.token, list, take, end);
    this.all.push(watcher);
    return watcher;
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map(watcher => watcher.close()));
    for (const channel of this.channels) channel.close();
  }

  private channel(): Channel {
    if (this.calls++ % CALLS_OF_CHANNEL === 0) this.channels.push(channelTo(this.access.grpc));
    return this.channels.at(-1) as Channel;
  }
}

type Take = (line: { resourceVersion: string; name: string; type?: string }) => void;
type End = (why: string) => void;

function openRest(access: Access, list: WatchedHere, take: Take, end: End): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${access.token}` };
    const request = get(`${access.url}/v1/${list}:watch`, { agent: false, headers });
    request.on('error', reject);
    request.on('response', answer => {
      if (answer.statusCode !== 200) {
        request.destroy();
        return reject(new Error(`a watch was refused: HTTP ${answer.statusCode}`));
      }
      const decoder = new StringDecoder('utf8');
      let rest = '';
      answer.on('data', (bytes: Buffer) => {
        const lines = (rest + decoder.write(bytes)).split('\n');
        rest = lines.pop() as string;
        for (const line of lines) take(JSON.parse(line) as Parameters<Take>[0]);
      });
      answer.on('error', () => undefined);
      answer.on('close', () => end('the gateway closed it'));
      return resolve(
        () =>
          new Promise(closed => {
            if (answer.closed) return closed();
            answer.once('close', () => closed());
            request.destroy();
          }),
      );
    });
  });
}

function openGrpc(
  channel: Channel,
  token: string,
  list: WatchedHere,
  take: Take,
  end: End,
): Promise<() => Promise<void>> {
  const { definition } = rpcOf(list === 'vms' ? 'watchVms' : 'watchEvents');
  const call = channel.makeServerStreamRequest(
    definition.path,
    definition.requestSerialize,
    definition.responseDeserialize,
    {},
    metadataOf(token),
  );
  return new Promise((resolve, reject) => {
    call.on('error', (error: Error) => {
      end(error.message);
      reject(error);
    });
    call.on('data', (wire: { resource_version: string; name: string; type?: string }) =>
      take({ resourceVersion: wire.resource_version, name: wire.name, type: wire.type?.replace(/^.*_/, '') }),
    );
    const over = new Promise<void>(closed => call.once('close', () => closed()));
    call.once('metadata', () =>
      resolve(() => {
        call.cancel();
        return over;
      }),
    );
  });
}
