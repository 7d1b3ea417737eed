import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Bus, natsOptions } from '@v3vee/bus';
import { OverlayNode, type NicPort } from '@v3vee/overlay';
import { parseMac } from '@v3vee/wire';
import { connect, type NatsConnection } from 'nats';
import { LabCluster } from '../../cluster';
import type { LabContext } from '../../lab';
import {
  CREDIT_EVERY,
  CREDIT_SUBJECT,
  nicPort,
  RAW_SUBJECT,
  RECEIVER_MAC,
  SENDER_MAC,
} from './link-protocol';

const RECEIVER = join(__dirname, '../../../dist/labs/router/link-receiver.js');
/** Frames that a guest gives its card in one go; VNET/P's dispatcher takes no more at a time. */
const BURST = 64;
/** Bursts in one turn of the event loop, as on a host with several busy guests: both ends are to be saturated. */
const BURSTS = 4;
/** Frames under way: enough that neither end waits, too few for the server to call the receiver slow. */
const WINDOW = 8 * CREDIT_EVERY;
const SPAN_MS = 1_000;
const VIRTIO_HEADER = 12;

/**
 * Two processes on one NATS server. *link*: a frame goes from a port through core, route cache and frame batch to a
 * port of the other host. *raw*: the same frames, one NATS message each, by the client library alone.
 */
export class LinkUnderTest {
  private credit = 0;
  private arrived: (() => void) | undefined;

  private constructor(
    private readonly raw: NatsConnection,
    private readonly node: OverlayNode,
    private readonly port: NicPort,
    private readonly signal: AbortSignal,
  ) {
    raw.subscribe(CREDIT_SUBJECT, {
      callback: (error, message) => {
        if (error) return;
        this.credit = Number(message.string());
        this.arrived?.();
      },
    });
  }

  static async start(context: LabContext): Promise<LinkUnderTest> {
    const cluster = await LabCluster.up(context, 'hosts: { idle: { memory: 128MiB, cores: 1 } }\n');
    const url = await cluster.cluster.natsUrl();
    const receiver = fork(RECEIVER, [url], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    context.cleanup(() => void receiver.kill('SIGKILL'));
    const ended = once(receiver, 'exit').then(([code]) => {
      throw new Error(`the receiving process ended with code ${code}`);
    });
    ended.catch(() => undefined);
    await Promise.race([once(receiver, 'message', { signal: context.signal }), ended]);
    const raw = await connect({ ...natsOptions(url), name: 'lab-raw-sender' });
    context.cleanup(() => raw.close());
    const bus = await Bus.connect({ url, name: 'lab-link-sender' });
    context.cleanup(() => bus.close());
    const node = await OverlayNode.start({ bus, host: 'lab-sender' });
    context.cleanup(() => node.stop());
    const port = nicPort(SENDER_MAC, () => undefined);
    await node.attach(port);
    return new LinkUnderTest(raw, node, port, context.signal);
  }

  /** Frames per second through the overlay's NATS link; the size is that of the Ethernet frame. */
  linkFrames(bytes: number): Promise<number> {
    const burst = burstOf(bytes);
    return this.framesPerSecond(() => this.node.transmit(this.port, burst));
  }

  /** Messages per second, each of one such frame. */
  rawFrames(bytes: number): Promise<number> {
    const burst = burstOf(bytes);
    return this.framesPerSecond(() => {
      for (const frame of burst) this.raw.publish(RAW_SUBJECT, frame);
    });
  }

  /** From the first frame that is sent to the credit for the last. */
  private async framesPerSecond(sendBurst: () => void): Promise<number> {
    const start = this.credit;
    const begin = performance.now();
    let sent = 0;
    do {
      for (let i = 0; i < BURSTS; i++) sendBurst();
      sent += BURSTS * BURST;
      // As between two turns of a host; what was sent goes out meanwhile.
      await new Promise(setImmediate);
      while (sent - (this.credit - start) > WINDOW) await this.credited();
    } while (performance.now() - begin < SPAN_MS || sent % CREDIT_EVERY !== 0);
    while (this.credit - start < sent) await this.credited();
    return (sent / (performance.now() - begin)) * 1000;
  }

  /** The next credit. @throws Error where frames were lost, and with them the credit for them */
  private async credited(): Promise<void> {
    this.signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const lost = setTimeout(() => reject(new Error('frames were lost on their way')), 30_000);
      this.arrived = () => {
        clearTimeout(lost);
        resolve();
      };
    });
  }
}

function burstOf(bytes: number): Uint8Array[] {
  return Array.from({ length: BURST }, () => {
    const frame = new Uint8Array(VIRTIO_HEADER + bytes);
    frame.set(parseMac(RECEIVER_MAC), VIRTIO_HEADER);
    frame.set(parseMac(SENDER_MAC), VIRTIO_HEADER + 6);
    return frame;
  });
}
