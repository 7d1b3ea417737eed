import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Somebody else's web site: an empty page at every address, which may do what browsers let it. */
export class ForeignSite {
  private constructor(private readonly server: Server) {}

  static async open(): Promise<ForeignSite> {
    const server = createServer((_, response) => {
      response.setHeader('Content-Type', 'text/html');
      response.end('<!doctype html><title>A site of others</title><p id="page">Welcome</p>');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ForeignSite(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** What a page tries on another origin, run in the page; each says how it ended. */
export async function attempts({
  url,
  token,
}: {
  url: string;
  token: string;
}): Promise<Record<string, string>> {
  const asked = (path: string, init: RequestInit): Promise<string> =>
    fetch(url + path, init).then(
      ({ type, status }) => `${type} ${status}`,
      (error: Error) => error.name,
    );
  const opened = (protocols: string[]): Promise<string> =>
    new Promise(resolve => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/vms/a1/console`, protocols);
      socket.onopen = () => resolve('open');
      socket.onerror = () => resolve('refused');
    });
  const framed = (): Promise<string> =>
    new Promise(resolve => {
      const frame = document.createElement('iframe');
      frame.src = url;
      frame.onload = () => {
        try {
          // An error page of the browser's own is of no origin at all; neither can be looked into.
          resolve(frame.contentDocument === null ? 'closed' : 'open');
        } catch {
          resolve('closed');
        }
      };
      document.body.append(frame);
    });
  const authorization = `Bearer ${token}`;
  return {
    'fetch, credentials': await asked('/v1/vms', { credentials: 'include' }),
    'fetch, a stolen token': await asked('/v1/vms', { headers: { authorization } }),
    'fetch, a change': await asked('/v1/vms/a1', { method: 'DELETE', credentials: 'include' }),
    'fetch, blind': await asked('/v1/vms/a1:stop', {
      method: 'POST',
      mode: 'no-cors',
      credentials: 'include',
    }),
    'a console': await opened(['v3.console']),
    'a console, a stolen token': await opened(['v3.console', `v3.token.${token}`]),
    'a frame': await framed(),
  };
}
