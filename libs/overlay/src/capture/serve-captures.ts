import type { Bus, Stoppable } from '@v3vee/bus';
import { captureCalls, rawSubjects, V3Error } from '@v3vee/contracts';
import { Capture } from './capture';
import { compileFilter } from './filter';
import type { Tap, Taps } from './taps';

/** Who asked is gone when nothing is heard for so long. */
const LIFE_MS = 10_000;
/** Each costs the way of every frame that it looks at. */
export const MAX_CAPTURES = 16;

export interface ServeCapturesOptions {
  bus: Bus;
  /** The host whose frames pass the taps: an emulated one, or `LINKS_HOST`. */
  host: string;
  taps: Taps;
  lifeMs?: number;
}

interface Open {
  capture: Capture;
  tap: Tap;
  timer: NodeJS.Timeout;
}

/** Serves `captureCalls` for one host. Stopping it ends all captures. */
export function serveCaptures({ bus, host, taps, lifeMs = LIFE_MS }: ServeCapturesOptions): Stoppable {
  const open = new Map<string, Open>();
  const end = (id: string): void => {
    const { capture, tap, timer } = open.get(id) ?? {};
    if (!capture) return;
    open.delete(id);
    clearTimeout(timer);
    tap?.leave(capture);
    capture.stop();
  };
  const served = [
    bus.serve(captureCalls.start, host, ({ id, place, filter, snapLength }) => {
      const test = compileFilter(filter);
      end(id);
      if (open.size >= MAX_CAPTURES) {
        throw new V3Error(
          'SERVICE_UNAVAILABLE',
          `${MAX_CAPTURES} captures are under way on ${host}; end one first`,
        );
      }
      const tap = place ? taps.at(place.vni, place.place) : taps.core;
      const capture = new Capture({
        filter: test,
        snapLength,
        publish: batch => {
          if (!bus.connected) return false;
          bus.publishRaw(rawSubjects.capture(id), batch);
          return true;
        },
      });
      open.set(id, { capture, tap, timer: setTimeout(() => end(id), lifeMs).unref() });
      tap.watch(capture);
      return {};
    }),
    bus.serve(captureCalls.renew, host, ({ id }) => {
      const found = open.get(id);
      if (!found) throw new V3Error('CAPTURE_POINT_NOT_FOUND', `there is no capture ${id} on ${host}`);
      found.timer.refresh();
      const { captured, dropped } = found.capture;
      return { captured, dropped };
    }),
    bus.serve(captureCalls.stop, host, ({ id }) => {
      end(id);
      return {};
    }),
  ];
  return {
    stop: () => {
      for (const each of served) each.stop();
      for (const id of [...open.keys()]) end(id);
    },
  };
}
