import { decodeHwsimBatch, HwsimSender, type Bus, type Stoppable } from '@v3vee/bus';
import { rawSubjects, V3Error, wifiCalls, wifiHello } from '@v3vee/contracts';
import type { WifiNicDefinition } from '@v3vee/store';
import type { Log } from '../lifecycle/ports';

/** Between two attempts to reach a wifi service that is away. */
const AGAIN_MS = 200;
/** Kept for a guest that moves; it stands still for some tens of ms. More is dropped. */
const MAX_HELD = 1_000;

/** A guest's Wi-Fi NICs, seen from outside; `Guest` of libs/machine is one. */
export interface Stations {
  /** hwsim messages of its driver, in the bursts they come in. */
  onWifi(listener: (messages: Uint8Array[]) => void): () => void;
  deliverWifi(messages: Uint8Array[]): void;
  /** Has the driver's addresses told once more. */
  announceWifi(): void;
}

export interface WifiVm {
  id: string;
  name: string;
  epoch: number;
  wifi: readonly Pick<WifiNicDefinition, 'radio' | 'mac'>[];
}

/**
 * Joins the Wi-Fi NICs of this host's guests to the wifi service, which is the driver of the host's radios. While that
 * is away guests run on and their frames are lost, as in a room without radio; when it is back, they are attached again.
 */
export class WifiLink implements Stoppable {
  readonly #plugs = new Map<string, WifiPlug>();
  readonly #sender: HwsimSender;
  readonly #stoppables: Stoppable[];
  #malformed = 0;
  #stale = 0;

  constructor(
    private readonly bus: Bus,
    private readonly host: string,
    private readonly log: Log,
  ) {
    this.#sender = new HwsimSender(bus);
    const again = () => {
      for (const plug of this.#plugs.values()) plug.attachAgain();
    };
    this.#stoppables = [
      bus.subscribeRaw(rawSubjects.wifiToHost(host), bytes => this.#arrived(bytes)),
      bus.listen(wifiHello, undefined, again),
      bus.onReconnect(again),
    ];
  }

  /** Messages that were no batch, and those for guests that are not here. */
  get drops(): { malformed: number; stale: number } {
    return { malformed: this.#malformed, stale: this.#stale };
  }

  stop(): void {
    for (const each of this.#stoppables) each.stop();
    for (const plug of this.#plugs.values()) plug.abandon();
    this.#plugs.clear();
  }

  plug(vm: WifiVm, stations: Stations): WifiPlug {
    const plug: WifiPlug = new WifiPlug(vm, stations, {
      send: message => this.#send(rawSubjects.wifiToService(this.host), plug, plug.epoch, message),
      // The swap of the owner has added one.
      forward: (to, message) => this.#send(rawSubjects.wifiToHost(to), plug, plug.epoch + 1, message),
      attach: () => this.#attach(vm, plug),
      detach: () => this.#detach(vm, plug),
      complain: thrown =>
        this.log.warn(
          { vm: vm.name, error: V3Error.from(thrown).message },
          'the wifi service refuses its Wi-Fi NICs',
        ),
    });
    return plug;
  }

  #send(subject: string, { id }: WifiPlug, epoch: number, message: Uint8Array): void {
    if (this.bus.connected) this.#sender.send(subject, { vmId: id, epoch, message });
  }

  async #attach(vm: WifiVm, plug: WifiPlug): Promise<void> {
    this.#plugs.set(vm.id, plug);
    await this.bus.call(wifiCalls.attach, this.host, {
      ...{ vmId: vm.id, vm: vm.name, epoch: plug.epoch },
      nics: vm.wifi.map(({ radio, mac }, index) => ({ index, radio, address: mac })),
      context: null,
    });
  }

  async #detach(vm: WifiVm, plug: WifiPlug): Promise<void> {
    if (this.#plugs.get(vm.id) === plug) this.#plugs.delete(vm.id);
    await this.bus.call(wifiCalls.detach, this.host, { vmId: vm.id, epoch: plug.epoch });
  }

  #arrived(bytes: Uint8Array): void {
    let tagged;
    try {
      tagged = decodeHwsimBatch(bytes);
    } catch {
      this.#malformed++;
      return;
    }
    const bursts = new Map<WifiPlug, Uint8Array[]>();
    for (const { vmId, epoch, message } of tagged) {
      const plug = this.#plugs.get(vmId);
      // Not yet its own epoch: what the host that it comes from sent after it.
      if (!plug || epoch < plug.epoch) {
        this.#stale++;
        continue;
      }
      const burst = bursts.get(plug);
      if (burst) burst.push(message);
      else bursts.set(plug, [message]);
    }
    for (const [plug, messages] of bursts) plug.deliver(messages);
  }
}

interface Service {
  send(message: Uint8Array): void;
  forward(host: string, message: Uint8Array): void;
  attach(): Promise<void>;
  detach(): Promise<void>;
  complain(thrown: unknown): void;
}

/** The Wi-Fi NICs of one guest: what passes between its driver and the wifi service. */
export class WifiPlug {
  readonly id: string;
  epoch: number;
  readonly #stopListening: () => void;
  #wanted = false;
  #attaching: Promise<void> | undefined;
  /** Messages for a guest that moves, until it is known where it goes on. */
  #held: Uint8Array[] | undefined;
  #elsewhere: string | undefined;

  constructor(
    { id, epoch }: WifiVm,
    private readonly stations: Stations,
    private readonly service: Service,
  ) {
    this.id = id;
    this.epoch = epoch;
    this.#stopListening = stations.onWifi(messages => {
      for (const message of messages) service.send(message);
    });
  }

  /** Resolves when the wifi service serves it; while that is away, it waits. */
  plug(): Promise<void> {
    this.#wanted = true;
    return (this.#attaching ??= this.#persist().finally(() => (this.#attaching = undefined)));
  }

  attachAgain(): void {
    if (this.#wanted) void this.plug();
  }

  abandon(): void {
    this.#wanted = false;
    this.#stopListening();
  }

  /** Nothing passes from now on; resolves when the service knows. */
  async unplug(): Promise<void> {
    const attached = this.#wanted;
    this.abandon();
    if (!attached) return;
    // What comes for a guest that went elsewhere meanwhile is not this epoch's.
    await this.service.detach().catch(() => undefined);
  }

  async renew(epoch: number): Promise<void> {
    this.epoch = epoch;
    if (this.#wanted) await this.plug();
  }

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    if (held.length > 0) this.deliver(held);
  }

  /** What was held, and what still comes, goes to the same NICs on another host, which runs them in the next epoch. */
  forward(host: string): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#elsewhere = host;
    this.#wanted = false;
    for (const message of held) this.service.forward(host, message);
  }

  deliver(messages: Uint8Array[]): void {
    if (this.#elsewhere !== undefined) {
      for (const message of messages) this.service.forward(this.#elsewhere, message);
    } else if (this.#held) {
      // A batch's memory is the bus's: what is kept is copied.
      const room = MAX_HELD - this.#held.length;
      for (const message of messages.slice(0, room)) this.#held.push(message.slice());
    } else {
      this.stations.deliverWifi(messages);
    }
  }

  async #persist(): Promise<void> {
    while (this.#wanted) {
      try {
        await this.service.attach();
        return this.stations.announceWifi();
      } catch (thrown) {
        const { code } = V3Error.from(thrown);
        if (code !== 'SERVICE_UNAVAILABLE' && code !== 'TIMEOUT') return this.service.complain(thrown);
        await new Promise(resolve => setTimeout(resolve, AGAIN_MS).unref());
      }
    }
  }
}
