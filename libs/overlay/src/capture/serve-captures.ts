import type { Bus, Stoppable } from '@v3vee/bus';
import { captureCalls, rawSubjects, V3Error } from '@v3vee/contracts';
import { CapturePublisher } from './publisher';
import type { CaptureSource } from './source';

/** Who asked is gone when nothing is heard for so long. */
const LIFE_MS = 10_000;
/** Each costs the way of every frame that it looks at. */
export const MAX_CAPTURES = 16;

export interface ServeCapturesOptions {
  bus: Bus;
  /** The host whose frames pass the taps: an emulated one, `LINKS_HOST`, or `AIR_HOST`. */
  host: string;
  taps: CaptureSource;
  lifeMs?: number;
}

interface Open {
  publisher: CapturePublisher;
  leave: () => void;
  timer: NodeJS.Timeout;
}

/** Serves `captureCalls` for one host. Stopping it ends all captures. */
export function serveCaptures({ bus, host, taps, lifeMs = LIFE_MS }: ServeCapturesOptions): Stoppable {
  const open = new Map<string, Open>();
  const end = (id: string): void => {
    const found = open.get(id);
    if (!found) return;
    open.delete(id);
    clearTimeout(found.timer);
    found.leave();
    found.publisher.stop();
  };
  const served = [
    bus.serve(captureCalls.start, host, ({ id, ...request }) => {
      end(id);
      if (open.size >= MAX_CAPTURES) {
        throw new V3Error(
          'SERVICE_UNAVAILABLE',
          `${MAX_CAPTURES} captures are under way on ${host}; end one first`,
        );
      }
      const publisher = new CapturePublisher(batch => {
        if (!bus.connected) return false;
        bus.publishRaw(rawSubjects.capture(host, id), batch);
        return true;
      });
      const leave = taps.feed(request, publisher);
      open.set(id, { publisher, leave, timer: setTimeout(() => end(id), lifeMs).unref() });
      return {};
    }),
    bus.serve(captureCalls.renew, host, ({ id }) => {
      const found = open.get(id);
      if (!found) throw new V3Error('CAPTURE_POINT_NOT_FOUND', `there is no capture ${id} on ${host}`);
      found.timer.refresh();
      const { captured, dropped } = found.publisher;
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
