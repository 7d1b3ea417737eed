import { Counter, Gauge, type Registry } from 'prom-client';
import type { StateFigures, StoredStates } from '../records/saved-states';
import { whileUnderWay } from './vm-metrics';

export interface PageStoreMetricsOptions {
  registry: Registry;
  states: Pick<StoredStates, 'figures'> & { store: Pick<StoredStates['store'], 'stats'> };
}

/** What Prometheus sees of the saved states: of the store, which all hosts share, and of what this host did with it. */
export class PageStoreMetrics {
  constructor({ registry, states }: PageStoreMetricsOptions) {
    const registers = [registry];
    const gauges: ((stats: Stats) => void)[] = [];
    const refresh = whileUnderWay(async () => {
      const stats = await states.store.stats();
      for (const set of gauges) set(stats);
    });
    const gauge = (name: string, help: string, value: (stats: Stats) => number) => {
      const family = new Gauge({ name: `v3_page_store_${name}`, help, registers, collect: refresh });
      gauges.push(stats => family.set(value(stats)));
    };
    gauge('states', 'Saved states', ({ checkpoints }) => checkpoints);
    gauge('pages', 'Different pages', ({ pages }) => pages);
    gauge('stored_bytes', 'Bytes on disk', ({ storedBytes }) => storedBytes);
    gauge(
      'logical_bytes',
      'Bytes of the pages of all states, each by itself and uncompressed',
      ({ referencedBytes }) => referencedBytes,
    );
    gauge('dedup_ratio', 'Logical bytes per byte of different pages; 1: no state shares a page', dedupRatio);
    gauge('quota_bytes', 'Bytes that there may be; 0: no quota', ({ quotaBytes }) => quotaBytes ?? 0);

    const total = (name: string, help: string, value: (figures: StateFigures) => number) =>
      new Counter({
        name: `v3_page_store_${name}_total`,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(value(states.figures));
        },
      });
    total('written_states', 'States that this host saved', ({ written }) => written);
    total('written_pages', 'Pages of them that were new', ({ newPages }) => newPages);
    total('known_pages', 'Pages of them that were there already', ({ knownPages }) => knownPages);
    total('written_bytes', 'Bytes by which they made the store grow', ({ storedBytes }) => storedBytes);
    total('pause_seconds', 'How long guests stood still for them', ({ pauseMs }) => pauseMs / 1e3);
    total('collections', 'Collections of this host', ({ collections }) => collections);
    total('freed_bytes', 'Bytes that they freed on disk', ({ freedBytes }) => freedBytes);
  }
}

type Stats = Awaited<ReturnType<StoredStates['store']['stats']>>;

const dedupRatio = ({ referencedBytes, pages }: Stats): number =>
  pages === 0 ? 1 : referencedBytes / (pages * 4096);
