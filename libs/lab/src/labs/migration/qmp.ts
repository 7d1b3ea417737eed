import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

interface Answer {
  return?: unknown;
  error?: { desc: string };
}

/** A client of QEMU's machine protocol (QMP): one command at a time. */
export class Qmp {
  private waiting: ((answer: Answer) => void) | undefined;

  private constructor(private readonly socket: Socket) {
    createInterface({ input: socket }).on('line', line => {
      const message = JSON.parse(line) as Answer & { event?: string; QMP?: object };
      if (message.event === undefined && message.QMP === undefined) this.waiting?.(message);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.waiting?.({ error: { desc: 'QEMU has gone' } }));
  }

  /** As soon as QEMU has made its socket. */
  static async connect(path: string, signal: AbortSignal): Promise<Qmp> {
    for (;;) {
      signal.throwIfAborted();
      const socket = connect(path);
      const connected = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      if (connected) {
        const qmp = new Qmp(socket);
        await qmp.run('qmp_capabilities');
        return qmp;
      }
      await new Promise(resolve => setTimeout(resolve, 10)); // it has not made it yet
    }
  }

  /** @throws Error what QEMU says is wrong */
  async run<T>(execute: string, args?: object): Promise<T> {
    const answer = new Promise<Answer>(resolve => (this.waiting = resolve));
    this.socket.write(`${JSON.stringify({ execute, ...(args && { arguments: args }) })}\n`);
    const { error, return: result } = await answer;
    if (error) throw new Error(`QEMU, ${execute}: ${error.desc}`);
    return result as T;
  }

  close(): void {
    this.socket.destroy();
  }
}
