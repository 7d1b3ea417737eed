import { V3Error, type VnetPlace } from '@v3vee/contracts';
import type { PacketDirection } from '@v3vee/wire';
import { Capture } from './capture';
import { compileFilter } from './filter';
import type { CapturePublisher } from './publisher';
import type { CaptureRequest, CaptureSource } from './source';

/** Looks at frames as they pass; keeps none of them. */
export interface Watcher {
  see(frames: readonly Uint8Array[], direction: PacketDirection): void;
}

/**
 * A place where frames pass and can be watched. Whoever passes them asks first, which is all it costs when
 * nobody watches:
 *
 * ```ts
 * if (tap.isWatched) tap.see(frames, 'out');
 * ```
 */
export class Tap {
  isWatched = false;
  #watchers: readonly Watcher[] = [];

  see(frames: readonly Uint8Array[], direction: PacketDirection): void {
    for (const watcher of this.#watchers) watcher.see(frames, direction);
  }

  watch(watcher: Watcher): void {
    this.#become([...this.#watchers, watcher]);
  }

  leave(watcher: Watcher): void {
    this.#become(this.#watchers.filter(each => each !== watcher));
  }

  #become(watchers: readonly Watcher[]): void {
    this.#watchers = watchers;
    this.isWatched = watchers.length > 0;
  }
}

/** The taps of one host. A tap stays the same when what is plugged in there goes and comes back. */
export class Taps implements CaptureSource {
  /**
   * All that passes the forwarding core, each frame once as it enters: `out` from a place on this host, `in` from
   * another host.
   */
  readonly core = new Tap();
  readonly #places = new Map<string, Tap>();

  /** `out`: into the overlay from a NIC, out of it to the wire at a link. */
  at(vni: number, place: VnetPlace): Tap {
    const key = `${vni} ${place.type === 'interface' ? place.mac : place.link}`;
    const present = this.#places.get(key);
    if (present) return present;
    const tap = new Tap();
    this.#places.set(key, tap);
    return tap;
  }

  feed({ place, filter, snapLength }: CaptureRequest, to: CapturePublisher): () => void {
    if (place && 'antennas' in place) {
      throw new V3Error('CAPTURE_POINT_NOT_FOUND', `${place.antennas[0]} is on the air, and here is none`);
    }
    const tap = place ? this.at(place.vni, place.place) : this.core;
    const capture = new Capture({ filter: compileFilter(filter), snapLength, to });
    tap.watch(capture);
    return () => tap.leave(capture);
  }
}
