import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { V3Error, type ErrorCode } from '@v3vee/contracts';
import type { ExitKind } from '../engine/guest-exit';
import { wakeUp, type WakeWord } from '../engine/run-loop';
import { within } from '../timeout';
import type { Command, CommandResult, FromWorker, ToWorker, WorkerSetup } from './protocol';

const WORKER = resolve(__dirname, '../../dist/worker/worker.js');
/** Starting a thread takes 0.2 s on a free core. */
const CREATE_TIMEOUT_MS = 60_000;
/** A thread answers between two steps of its guest, that is within milliseconds; a save copies all of RAM. */
const COMMAND_TIMEOUT_MS = 15_000;
/** What waits for something else than the answer of a command, which are numbered from 1. */
const READY = 0;
const SIMULATION = -1;
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 8 };

/** A guest ended by itself. */
export interface GuestEnd {
  kind: ExitKind;
  reason: string;
}

/** What the thread tells without being asked. */
export type Told = Exclude<FromWorker, { type: 'ready' | 'failed' | 'result' | 'simulated' | 'exit' }>;

export interface ThreadListener {
  told(message: Told): void;
  /** Nothing goes to the thread any more, nor comes from it. */
  cut(error: V3Error): void;
  /** By itself; after {@link cut}. */
  ended(end: GuestEnd): void;
}

/** The thread of one guest: what it is told and asked, and what became of it. */
export class GuestThread {
  private readonly worker: Worker;
  private readonly wake: WakeWord;
  private readonly waiting = new Map<number, { resolve(result: never): void; reject(error: Error): void }>();
  private nextId = 1;
  private over: GuestEnd | undefined;

  /** It builds the machine; nothing is to be asked before it is {@link ready}. */
  constructor(
    setup: WorkerSetup,
    private readonly listener: ThreadListener,
  ) {
    this.wake = new Int32Array(setup.wake, 0, 1);
    this.worker = new Worker(WORKER, { workerData: setup, resourceLimits: RESOURCE_LIMITS, name: 'guest' });
    this.worker.on('message', (message: FromWorker) => this.receive(message));
    this.worker.on('error', error =>
      this.ended('worker-error', `the guest's thread failed: ${error.message}`),
    );
    this.worker.on('exit', code => this.ended('worker-error', `the guest's thread ended with code ${code}`));
  }

  /** Why it ended, once it did. */
  get end(): GuestEnd | undefined {
    return this.over;
  }

  /** @throws V3Error TIMEOUT, or why there is no machine; the thread has ended then */
  async ready(): Promise<void> {
    try {
      const ready = new Promise<void>((resolve, reject) => this.waiting.set(READY, { resolve, reject }));
      await within(ready, CREATE_TIMEOUT_MS, () => {
        return new V3Error('TIMEOUT', `the guest's thread did not start within ${CREATE_TIMEOUT_MS} ms`);
      });
    } catch (error) {
      await this.terminate();
      throw error;
    }
  }

  /** @throws V3Error GUEST_FAILED when it has ended, TIMEOUT, or why the command failed */
  async command<C extends Command>(
    command: C,
    transfer: ArrayBuffer[] = [],
  ): Promise<CommandResult[C['type']]> {
    if (this.over) throw this.endedError(this.over);
    const id = this.nextId++;
    const answer = new Promise<CommandResult[C['type']]>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
    });
    this.post({ type: 'command', id, command }, transfer);
    try {
      return await within(answer, COMMAND_TIMEOUT_MS, () => {
        return new V3Error(
          'TIMEOUT',
          `the guest's thread did not ${command.type} within ${COMMAND_TIMEOUT_MS} ms`,
        );
      });
    } finally {
      this.waiting.delete(id);
    }
  }

  /** Has the guest run for some ms, however long that takes. @returns how many it ran */
  async simulate(ms: number): Promise<number> {
    const over = new Promise<number>((resolve, reject) => {
      this.waiting.set(SIMULATION, { resolve, reject });
    });
    over.catch(() => undefined);
    try {
      await this.command({ type: 'simulate', ms });
      return await over;
    } finally {
      this.waiting.delete(SIMULATION);
    }
  }

  post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (this.over) return;
    this.worker.postMessage(message, transfer);
    wakeUp(this.wake);
  }

  /** Has it look now at the memory that it shares with its host. */
  wakeUp(): void {
    if (!this.over) wakeUp(this.wake);
  }

  /** Ends it at once, whatever it does; that is no end by itself. */
  async terminate(): Promise<void> {
    this.over ??= { kind: 'worker-error', reason: 'the guest was terminated' };
    this.cut(this.over);
    await this.worker.terminate();
  }

  private receive(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.waiting.get(READY)?.resolve(undefined as never);
        this.waiting.delete(READY);
        return;
      case 'failed': {
        const { code, message: text } = message.error;
        this.waiting.get(READY)?.reject(new V3Error(code as ErrorCode, text));
        return;
      }
      case 'simulated':
        this.waiting.get(SIMULATION)?.resolve(message.ranMs as never);
        return;
      case 'result': {
        const waiting = this.waiting.get(message.id);
        if (message.error)
          waiting?.reject(new V3Error(message.error.code as ErrorCode, message.error.message));
        else waiting?.resolve(message.result as never);
        return;
      }
      case 'exit':
        return this.ended(message.kind, message.reason);
      default:
        this.listener.told(message);
    }
  }

  private ended(kind: ExitKind, reason: string): void {
    if (this.over) return;
    this.over = { kind, reason };
    this.cut(this.over);
    this.listener.ended(this.over);
  }

  private cut(end: GuestEnd): void {
    for (const { reject } of this.waiting.values()) reject(this.endedError(end));
    this.waiting.clear();
    this.listener.cut(this.endedError(end));
  }

  private endedError({ reason }: GuestEnd): V3Error {
    return new V3Error('GUEST_FAILED', reason);
  }
}
