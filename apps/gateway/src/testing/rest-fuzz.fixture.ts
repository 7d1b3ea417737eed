import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import {
  errorCatalogue,
  MAX_BODY_BYTES,
  type ErrorCode,
  type Operation,
  type Problem,
} from '@v3vee/contracts';
import fc from 'fast-check';
import { hostileRequests, type HostileRequest } from './hostile-requests.fixture';
import { fillProject } from './owned.fixture';
import { rowDigests } from './row-digests.fixture';
import { TestGateway } from './test-gateway.fixture';

/** Answers of this kind say that a part is away, or was too slow; all else of 500 and above is our fault. */
const EXCUSED: ErrorCode[] = [
  'SERVICE_UNAVAILABLE',
  'HOST_NOT_READY',
  'HOST_NOT_CLAIMED',
  'TIMEOUT',
  'EXEC_TIMEOUT',
];

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** Asks a real gateway with something of everything, as an administrator who has lost his mind. */
export class RestFuzz {
  private readonly agent = new Agent({ keepAlive: true });

  private constructor(
    private readonly gateway: TestGateway,
    private readonly requests: fc.Arbitrary<HostileRequest>,
  ) {}

  static async start(): Promise<RestFuzz> {
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
    return new RestFuzz(gateway, hostileRequests(known));
  }

  async stop(): Promise<void> {
    this.agent.destroy();
    await this.gateway.stop();
  }

  /** @throws at the first answer that is not as promised, with what was asked and the seed */
  async run(seed: number, numRuns: number): Promise<void> {
    let before = await rowDigests(this.gateway.dataSource);
    const property = fc.asyncProperty(this.requests, async asked => {
      const answer = await this.send(asked);
      if (answer === undefined) return;
      if (answer.status < 400) await this.settled(answer);
      else this.check(asked, answer);
      await this.gateway.ok('get', '/v1/self');
      // What only reads needs no proof each time.
      if (answer.status >= 400 && ['GET', 'HEAD', 'OPTIONS'].includes(asked.method)) return;
      const after = await rowDigests(this.gateway.dataSource);
      if (answer.status >= 400) expect(after).toEqual(before);
      before = after;
    });
    await fc.assert(property, { seed, numRuns, endOnFailure: true });
    expect(Object.keys(Object.prototype)).toEqual([]);
  }

  private check({ method }: HostileRequest, { status, headers, text }: Answer): void {
    expect(headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(headers['x-request-id']).toBeDefined();
    if (method === 'HEAD') return expect([500, 501, 502]).not.toContain(status);
    const problem = JSON.parse(text) as Problem;
    expect(Object.keys(errorCatalogue)).toContain(problem.code);
    expect(problem).toMatchObject({ status, requestId: headers['x-request-id'] });
    expect(problem.detail).not.toBe('');
    if (status >= 500) expect(EXCUSED).toContain(problem.code);
  }

  /** What was taken has come to its end, so that what changes next is the next request's. */
  private async settled({ text }: Answer): Promise<void> {
    const { id, done } = parsed(text) as Partial<Operation>;
    if (done === false && id !== undefined) await this.gateway.ended(id);
  }

  /** @returns undefined where the body was too large, and the connection was cut while it was sent */
  private send({ method, path, headers, body }: HostileRequest): Promise<Answer | undefined> {
    const { port, token } = this.gateway;
    return new Promise((resolve, reject) => {
      const client = request({
        ...{ agent: this.agent, port, method, path },
        headers: {
          authorization: `Bearer ${token}`,
          ...headers,
          ...(body && { 'content-length': String(body.length) }),
        },
      });
      client.on('error', error => {
        if ((body?.length ?? 0) > MAX_BODY_BYTES) resolve(undefined);
        else reject(error);
      });
      client.on('response', response => {
        const status = response.statusCode ?? 0;
        const answer = (text: string) => resolve({ status, headers: response.headers, text });
        // A stream lasts as long as its reader wants.
        if (status < 400 && !/^application\/json\b/.test(response.headers['content-type'] ?? '')) {
          client.destroy();
          return answer('');
        }
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => answer(Buffer.concat(parts).toString()));
        response.on('error', reject);
      });
      client.end(body);
    });
  }
}

function parsed(text: string): object {
  try {
    return (JSON.parse(text) ?? {}) as object;
  } catch {
    return {};
  }
}
