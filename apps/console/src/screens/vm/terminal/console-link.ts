/** As far as this needs one; a browser's WebSocket is one. */
export interface Socket {
  binaryType: string;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: Uint8Array): void;
  close(): void;
}

export type LinkState =
  | { name: 'connecting' }
  | { name: 'open' }
  /** Tried again by itself. */
  | { name: 'lost'; reason: string }
  /** The VM ended: tried again when it runs. */
  | { name: 'over'; reason: string };

/** The gateway's code for a VM that stopped (RFC 6455 section 7.4.2, private range). */
const VM_GONE = 4404;
/** Of one message, bytes; the gateway refuses more than 64 KiB. */
const CHUNK = 16 * 1024;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

/** A VM's serial console, connected again when the connection is lost. */
export class ConsoleLink {
  private socket: Socket | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private pauseMs: number;
  private isClosed = false;

  constructor(
    private readonly options: {
      open: () => Socket;
      onData: (data: Uint8Array) => void;
      onState: (state: LinkState) => void;
      firstPauseMs?: number;
    },
  ) {
    this.pauseMs = this.firstPauseMs;
  }

  connect(): void {
    if (this.isClosed || this.socket) return;
    clearTimeout(this.timer);
    const { open, onData, onState } = this.options;
    onState({ name: 'connecting' });
    const socket = (this.socket = open());
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.pauseMs = this.firstPauseMs;
      onState({ name: 'open' });
    };
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) onData(new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }) => this.lost(code, reason);
  }

  send(text: string): void {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; at += CHUNK) this.socket?.send(bytes.subarray(at, at + CHUNK));
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    const { socket } = this;
    this.socket = undefined;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private lost(code: number, reason: string): void {
    this.socket = undefined;
    if (this.isClosed) return;
    if (code === VM_GONE) return this.options.onState({ name: 'over', reason });
    this.options.onState({ name: 'lost', reason: reason || 'the connection was lost' });
    this.timer = setTimeout(() => this.connect(), this.pauseMs);
    this.pauseMs = Math.min(2 * this.pauseMs, LONGEST_PAUSE_MS);
  }

  private get firstPauseMs(): number {
    return this.options.firstPauseMs ?? FIRST_PAUSE_MS;
  }
}
