import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface StoredDashboard {
  folder: string;
  version: number;
  dashboard: { uid: string; title: string };
}
export interface StoredAnnotation {
  time: number;
  timeEnd: number;
  tags: string[];
  text: string;
}

/** A server that answers as Grafana's HTTP interface is documented to, as far as we use it, and remembers. */
export class GrafanaServer {
  static readonly TOKEN = 'glsa_token';
  readonly folders = new Map<string, string>();
  readonly dashboards = new Map<string, StoredDashboard>();
  readonly annotations: StoredAnnotation[] = [];
  /** Served below this path, as behind a proxy. */
  readonly #path = '/grafana';
  #server: Server | undefined;

  async start(): Promise<this> {
    const server = createServer((request, response) => {
      void read(request)
        .then(body => this.answer(request, body))
        .catch(() => [400, { message: 'bad request data' }] as const)
        .then(([status, answer]) => {
          response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
        });
    });
    this.#server = server;
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server?.address() as AddressInfo).port}${this.#path}`;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise(resolve => this.#server?.close(resolve));
  }

  private answer({ method, url, headers }: IncomingMessage, body: string): readonly [number, unknown] {
    if (headers.authorization !== `Bearer ${GrafanaServer.TOKEN}`)
      return [401, { message: 'Invalid API key' }];
    const { pathname, searchParams } = new URL(url as string, 'http://localhost');
    switch (`${method} ${pathname.slice(this.#path.length)}`) {
      case 'POST /api/folders':
        return this.addFolder(JSON.parse(body) as { uid: string; title: string });
      case 'POST /api/dashboards/db':
        return this.putDashboard(JSON.parse(body) as PutDashboard);
      case 'POST /api/annotations':
        this.annotations.push(JSON.parse(body) as StoredAnnotation);
        return [200, { message: 'Annotation added', id: this.annotations.length }];
      case 'GET /api/annotations': {
        const tags = searchParams.getAll('tags');
        const limit = Number(searchParams.get('limit') ?? 100);
        return [
          200,
          this.annotations.filter(each => tags.every(tag => each.tags.includes(tag))).slice(0, limit),
        ];
      }
      default:
        return [404, { message: 'Not found' }];
    }
  }

  private addFolder({ uid, title }: { uid: string; title: string }): readonly [number, unknown] {
    if (this.folders.has(uid)) {
      return [409, { message: 'a folder with the same name already exists in the current location' }];
    }
    this.folders.set(uid, title);
    return [200, { id: this.folders.size, uid, title, version: 1 }];
  }

  private putDashboard({ dashboard, folderUid, overwrite }: PutDashboard): readonly [number, unknown] {
    const { uid, title, id } = dashboard;
    if (!title) return [400, { message: 'Dashboard title cannot be empty' }];
    if (id != null) return [404, { message: 'Dashboard not found', status: 'not-found' }];
    if (!this.folders.has(folderUid)) return [400, { message: 'folder not found' }];
    const known = this.dashboards.get(uid);
    if (known && !overwrite) {
      return [412, { message: 'A dashboard with the same uid already exists', status: 'version-mismatch' }];
    }
    const version = (known?.version ?? 0) + 1;
    this.dashboards.set(uid, { folder: folderUid, version, dashboard });
    return [200, { id: 1, uid, url: `${this.#path}/d/${uid}/slug`, status: 'success', version }];
  }
}

interface PutDashboard {
  dashboard: { uid: string; title: string; id?: number | null };
  folderUid: string;
  overwrite?: boolean;
}

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
