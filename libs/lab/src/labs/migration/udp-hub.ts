import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { freeUdpPort, qemuNic } from '../../qemu';

/** A wire with many ends for QEMU's `-netdev dgram`: what comes in at one goes out at all others. */
export class UdpHub {
  private readonly ends = new Map<Socket, number>();
  /** Told of each frame. */
  onFrame: (frame: Buffer) => void = () => undefined;

  /** @returns what QEMU is started with, and how to pull the cable out */
  async plug(mac: string): Promise<{ options: string[]; unplug: () => void }> {
    const end = createSocket('udp4');
    end.bind(0, '127.0.0.1');
    await once(end, 'listening');
    const port = await freeUdpPort();
    this.ends.set(end, port);
    end.on('message', frame => {
      this.onFrame(frame);
      for (const [other, to] of this.ends) if (other !== end) other.send(frame, to, '127.0.0.1');
    });
    const unplug = () => {
      if (this.ends.delete(end)) end.close();
    };
    return { options: qemuNic(mac, port, end.address().port), unplug };
  }

  close(): void {
    for (const end of this.ends.keys()) end.close();
    this.ends.clear();
  }
}
