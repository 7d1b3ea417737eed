import { Bus, type Stoppable } from '@v3vee/bus';
import { InputQuota, rawSubjects } from '@v3vee/contracts';
import type { WebSocket } from 'ws';
import { unseen } from './scrollback';

/** What a client may leave unread before output is left out for it, bytes. */
const MAX_UNREAD = 1024 * 1024;
/** How much one message to the guest carries, bytes; more is sent in several. */
const INPUT_CHUNK = 4096;
/** What is kept of a host that says it runs the VM now, until the store has said whether it does, bytes. */
const MAX_UNKNOWN = 256 * 1024;
const PING_MS = 30_000;
/** How long input that is left out is added up before its sender is told. */
const TELL_MS = 200;

export interface ConsoleSessionOptions {
  bus: Bus;
  socket: WebSocket;
  vmId: string;
  /** Whose the VM is, as far as is known. */
  host: string;
  /** Whose it is now, by the store. */
  locate: () => Promise<string>;
  /** Asks the VM's Palacios for its recent output and to publish what follows. */
  attach: () => Promise<Uint8Array>;
  maxUnread?: number;
}

/**
 * One client at one VM's serial console: bytes both ways, as they come. It follows the VM to another host; what a host
 * says of a VM that is not its own is not shown.
 */
export class ConsoleSession {
  private readonly output: Stoppable;
  /** Output that came before the scrollback; undefined once that is sent. */
  private early: Uint8Array[] | undefined = [];
  private earlyBytes = 0;
  private host: string;
  /** Output of hosts that have not had the VM so far, and its length. */
  private unknown: { host: string; bytes: Uint8Array }[] = [];
  private unknownBytes = 0;
  private following: Promise<void> | undefined;
  private leftOut = 0;
  private readonly quota = new InputQuota();
  private toldDropped = 0;
  private telling: NodeJS.Timeout | undefined;
  private alive = true;
  private readonly pinger: NodeJS.Timeout;

  constructor(private readonly options: ConsoleSessionOptions) {
    const { bus, socket, vmId, host } = options;
    this.host = host;
    this.output = bus.subscribeRaw(rawSubjects.consoleOut('*', vmId), (bytes, subject) => {
      const from = subject.split('.')[1] as string;
      if (from === this.host) this.show(bytes);
      else this.hold(from, bytes);
    });
    socket.on('message', data => this.input(data as Buffer));
    socket.on('pong', () => (this.alive = true));
    socket.on('close', () => this.end());
    // `ws` closes the socket after an error; there is nobody else to tell.
    socket.on('error', () => undefined);
    this.pinger = setInterval(() => this.ping(), PING_MS).unref();
  }

  /** @throws what `attach` throws */
  async open(): Promise<void> {
    const scrollback = await this.options.attach();
    const early = this.early ?? [];
    this.early = undefined;
    if (scrollback.length > 0) this.send(scrollback);
    for (const bytes of unseen(scrollback, early)) this.send(bytes);
  }

  /** Asks the store who has the VM by now. */
  follow(): Promise<void> {
    return (this.following ??= this.options
      .locate()
      .then(
        host => {
          this.host = host;
        },
        () => undefined, // it is asked again when there is more
      )
      .then(() => {
        this.following = undefined;
        const unknown = this.unknown;
        this.unknown = [];
        this.unknownBytes = 0;
        for (const { host, bytes } of unknown) if (host === this.host) this.show(bytes);
      }));
  }

  isAt(host: string): boolean {
    return host === this.host;
  }

  private hold(host: string, bytes: Uint8Array): void {
    this.unknownBytes += bytes.length;
    if (this.unknownBytes <= MAX_UNKNOWN) this.unknown.push({ host, bytes: bytes.slice() });
    void this.follow();
  }

  private show(bytes: Uint8Array): void {
    if (!this.early) return this.send(bytes);
    const { maxUnread = MAX_UNREAD } = this.options;
    if ((this.earlyBytes += bytes.length) <= maxUnread) this.early.push(bytes);
    else this.leftOut += bytes.length;
  }

  /** A client that reads slower than the guest writes misses output, and is told how much. */
  private send(bytes: Uint8Array): void {
    const { socket, maxUnread = MAX_UNREAD } = this.options;
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > maxUnread) {
      this.leftOut += bytes.length;
      return;
    }
    if (this.leftOut > 0) {
      socket.send(Buffer.from(`\r\n[${this.leftOut} bytes of output left out: read faster]\r\n`));
      this.leftOut = 0;
    }
    socket.send(bytes);
  }

  /** A client that types faster than any serial line takes loses input, and is told how much. */
  private input(data: Buffer): void {
    const { bus, vmId } = this.options;
    const subject = rawSubjects.consoleIn(this.host, vmId);
    const taken = data.subarray(0, this.quota.accept(data.length));
    for (let offset = 0; offset < taken.length; offset += INPUT_CHUNK) {
      bus.publishRaw(subject, taken.subarray(offset, offset + INPUT_CHUNK));
    }
    if (taken.length < data.length) this.telling ??= setTimeout(() => this.tellDropped(), TELL_MS).unref();
  }

  private tellDropped(): void {
    this.telling = undefined;
    const { dropped } = this.quota;
    this.send(Buffer.from(`\r\n[${dropped - this.toldDropped} bytes of input left out: type slower]\r\n`));
    this.toldDropped = dropped;
  }

  private ping(): void {
    const { socket } = this.options;
    if (!this.alive) return socket.terminate();
    this.alive = false;
    socket.ping();
  }

  private end(): void {
    clearInterval(this.pinger);
    clearTimeout(this.telling);
    this.output.stop();
  }
}
