import type { ApiError } from './problem';

/** The session's token, where a script of another origin, and another tab's page of another port, can't get at it. */
export interface Keep {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

interface Message {
  type: 'who' | 'token' | 'end';
  token?: string;
}

/** What tabs of one origin hear of each other. */
export interface Channel {
  postMessage(message: Message): void;
  onmessage: ((event: { data: Message }) => void) | null;
}

const KEY = 'v3.session';

/**
 * The browser's session. sessionStorage keeps it for the tab; a new tab of the same origin is given it by one that has it.
 * No cookie: those are shared by all ports of a machine (RFC 6265, 8.5), and sent whoever asks.
 */
export class SessionKeeper {
  private ended: ApiError | undefined;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly keep: Keep,
    private readonly channel: Channel,
  ) {
    channel.onmessage = ({ data }) => this.hear(data);
    if (this.token === undefined) channel.postMessage({ type: 'who' });
  }

  /** Why the gateway ended the last session; undefined: it did not. */
  get endedBy(): ApiError | undefined {
    return this.ended;
  }

  get token(): string | undefined {
    return this.keep.getItem(KEY) ?? undefined;
  }

  begin(token: string): void {
    this.set(token);
    this.channel.postMessage({ type: 'token', token });
  }

  /** In all tabs. @param why by the gateway, not by who had it */
  end(why?: ApiError): void {
    this.ended = why;
    this.set(undefined);
    this.channel.postMessage({ type: 'end' });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private hear({ type, token }: Message): void {
    if (type === 'who' && this.token !== undefined) {
      this.channel.postMessage({ type: 'token', token: this.token });
    } else if (type === 'token' && this.token === undefined && typeof token === 'string') {
      this.set(token);
    } else if (type === 'end') this.set(undefined);
  }

  private set(token: string | undefined): void {
    if (token === undefined) this.keep.removeItem(KEY);
    else {
      this.ended = undefined;
      this.keep.setItem(KEY, token);
    }
    for (const listener of this.listeners) listener();
  }
}
