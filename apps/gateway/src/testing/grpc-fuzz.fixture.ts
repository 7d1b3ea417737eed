import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { Metadata, status } from '@grpc/grpc-js';
import type { List, Operation } from '@v3vee/contracts';
import { errorOf, GrpcClient } from '@v3vee/grpc';
import fc from 'fast-check';
import { hostileCalls, type HostileCall } from './hostile-calls.fixture';
import { fillProject } from './owned.fixture';
import { rowDigests } from './row-digests.fixture';
import { TestGateway } from './test-gateway.fixture';

/** What the library itself ends a call with, without the words of ours. */
const OF_LIBRARY = [
  status.UNIMPLEMENTED,
  status.RESOURCE_EXHAUSTED,
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.INTERNAL,
];

interface Outcome {
  http: number;
  /** Undefined: none came, since the call was under way, or its connection was not for gRPC. */
  grpc: number | undefined;
  code: string | undefined;
  words: string;
}

/** Calls a real gateway over HTTP/2 with something of everything, as an administrator. */
export class GrpcFuzz {
  private session: ClientHttp2Session | undefined;

  private constructor(
    private readonly gateway: TestGateway,
    private readonly calls: fc.Arbitrary<HostileCall>,
    private readonly client: GrpcClient,
  ) {}

  static async start(): Promise<GrpcFuzz> {
    const gateway = await TestGateway.start();
    const owned = await fillProject(gateway, 'own');
    await gateway.ended(owned.migration);
    const known = {
      ...owned,
      name: owned.vm,
      host: 'alpha',
      image: 'debian',
      device: 'alpha/eth0',
      radio: 'alpha/radio0',
    };
    const client = new GrpcClient({ address: gateway.grpcAddress, token: gateway.token });
    return new GrpcFuzz(gateway, hostileCalls(known), client);
  }

  async stop(): Promise<void> {
    this.session?.destroy();
    this.client.close();
    await this.gateway.stop();
  }

  /** @throws at the first outcome that is not as promised, with what was called and the seed */
  async run(seed: number, numRuns: number): Promise<void> {
    const stays = ({ then }: HostileCall) => then === 'end';
    let before = await rowDigests(this.gateway.dataSource);
    const answered = fc.asyncProperty(this.calls.filter(stays), async asked => {
      const outcome = await this.call(asked);
      const { grpc } = outcome;
      this.check(outcome);
      await this.settled();
      const after = await rowDigests(this.gateway.dataSource);
      if (grpc !== undefined && grpc !== status.OK && grpc !== status.DEADLINE_EXCEEDED)
        expect(after).toEqual(before);
      before = after;
      await this.client.call('getSelf', {});
    });
    await fc.assert(answered, { seed, numRuns, endOnFailure: true });
    // What clients that vanish asked for may be done yet when others ask: what changes then is not the next one's. So they
    // come last.
    const vanishing = fc.asyncProperty(
      this.calls.filter(asked => !stays(asked)),
      async asked => {
        await this.call(asked);
        await this.client.call('getSelf', {});
      },
    );
    await fc.assert(vanishing, { seed, numRuns: numRuns / 5, endOnFailure: true });
    await this.settled();
  }

  private check({ http, grpc, code, words }: Outcome): void {
    if (grpc === undefined) return expect([200, 415]).toContain(http);
    if (grpc === status.OK) return;
    expect([grpc, code, words]).not.toEqual([expect.anything(), 'INTERNAL', expect.anything()]);
    if (code === undefined) expect(OF_LIBRARY).toContain(grpc);
    expect(words).not.toBe('');
  }

  /** What was taken has come to its end, so that what changes next is the next call's. */
  private async settled(): Promise<void> {
    await this.gateway.until(async () => {
      const { items } = await this.gateway.ok<List<Operation>>('get', '/v1/operations?pageSize=50');
      return items.every(({ done }) => done);
    });
  }

  private call({ path, headers, bytes, then }: HostileCall): Promise<Outcome> {
    if (!this.session || this.session.closed || this.session.destroyed)
      this.session = connect(`http://${this.gateway.grpcAddress}`).on('error', () => undefined);
    const stream = this.session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${this.gateway.token}`,
      ...headers,
    });
    return new Promise(resolve => {
      const outcome: Outcome = { http: 0, grpc: undefined, code: undefined, words: '' };
      const take = (got: IncomingHttpHeaders) => {
        if (got['grpc-status'] === undefined) return false;
        const words = decodeURIComponent(String(got['grpc-message'] ?? ''));
        const metadata = Metadata.fromHttp2Headers(got);
        outcome.grpc = Number(got['grpc-status']);
        outcome.words = words;
        outcome.code = errorOf({ metadata, details: words })?.code;
        return true;
      };
      stream.on('response', got => {
        outcome.http = Number(got[':status']);
        // A stream that is under way lasts as long as its reader wants.
        if (!take(got) && /(:|^)(watch|capture|trace|export)/i.test(path.split('/').at(-1) ?? ''))
          stream.close();
      });
      stream.on('trailers', take);
      stream.on('error', () => undefined);
      stream.on('close', () => resolve(outcome));
      stream.resume();
      if (then === 'end') stream.end(bytes);
      else stream.write(bytes, () => stream.close(constants.NGHTTP2_CANCEL));
    });
  }
}
