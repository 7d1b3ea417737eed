import { V3Error } from '@v3vee/contracts';
import type { DashboardJson } from './files';

export interface GrafanaOptions {
  url: string;
  /** Of a service account with the role Editor. */
  token: string;
  signal?: AbortSignal;
}

export interface Annotation {
  /** Finds it again: an annotation that is there is not made twice. */
  id: string;
  tags: readonly string[];
  text: string;
  from: Date;
  to: Date;
}

const FOLDER = { uid: 'v3vee', title: 'V3VEE' };
const ANSWER_MS = 30_000;

/** An existing Grafana, by its HTTP interface (https://grafana.com/docs/grafana/latest/developers/http_api/). */
export class Grafana {
  constructor(private readonly options: GrafanaOptions) {}

  /**
   * Puts the dashboards into the folder V3VEE, over older ones of theirs.
   * @returns the address of each
   * @throws V3Error UNAUTHENTICATED, SERVICE_UNAVAILABLE
   */
  async push(dashboards: readonly DashboardJson[]): Promise<string[]> {
    // 409 and 412: it is there.
    await this.ask('POST', '/api/folders', FOLDER, [409, 412]);
    const addresses: string[] = [];
    for (const dashboard of dashboards) {
      const { url } = (await this.ask('POST', '/api/dashboards/db', {
        // Grafana numbers dashboards itself; ours are known by their uid.
        dashboard: { ...dashboard, id: null },
        folderUid: FOLDER.uid,
        overwrite: true,
        message: 'v3 grafana push',
      })) as { url?: unknown };
      addresses.push(typeof url === 'string' ? new URL(url, this.options.url).href : dashboard.uid);
    }
    return addresses;
  }

  /** @returns whether it was made: false, if it was there. @throws V3Error as `push` */
  async annotate({ id, tags, text, from, to }: Annotation): Promise<boolean> {
    const query = new URLSearchParams([
      ['tags', 'v3vee'],
      ['tags', id],
      ['limit', '1'],
    ]);
    const found = await this.ask('GET', `/api/annotations?${query.toString()}`);
    if (Array.isArray(found) && found.length > 0) return false;
    await this.ask('POST', '/api/annotations', {
      time: from.getTime(),
      timeEnd: to.getTime(),
      tags: ['v3vee', id, ...tags],
      text,
    });
    return true;
  }

  private async ask(
    method: 'GET' | 'POST',
    path: string,
    body?: object,
    alsoGood: readonly number[] = [],
  ): Promise<unknown> {
    const { url, token, signal } = this.options;
    const deadline = AbortSignal.timeout(ANSWER_MS);
    let response: Response;
    let text: string;
    try {
      // Below whatever path Grafana is served at.
      response = await fetch(`${url.replace(/\/+$/, '')}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'application/json',
          ...(body && { 'content-type': 'application/json' }),
        },
        body: body && JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      });
      text = await response.text();
    } catch (cause) {
      signal?.throwIfAborted();
      const why = (cause as Error).cause ?? cause;
      throw new V3Error(
        'SERVICE_UNAVAILABLE',
        `Grafana at ${url} does not answer: ${(why as Error).message}`,
        { cause },
      );
    }
    const answer = parsed(text);
    if (response.ok) {
      if (answer !== undefined) return answer;
      throw new V3Error('SERVICE_UNAVAILABLE', `what answers at ${url} is no Grafana: ${path} is not JSON`);
    }
    if (alsoGood.includes(response.status)) return answer;
    const { message } = (answer ?? {}) as { message?: unknown };
    const said = typeof message === 'string' ? message : `status ${response.status}`;
    if (response.status === 401 || response.status === 403) {
      throw new V3Error(
        'UNAUTHENTICATED',
        `Grafana at ${url} refuses ${method} ${path}: ${said}; the token has to be of a service account with the role Editor`,
      );
    }
    throw new V3Error('SERVICE_UNAVAILABLE', `Grafana at ${url} refuses ${method} ${path}: ${said}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
