import { createContext, useContext, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import type { OperationEndpoint, ParamsOf } from '@v3vee/client';
import type { OverviewPart } from '@v3vee/contracts';
import { access, roles } from 'virtual:contract';
import type { OverviewStore, Sight } from './api/overview-store';
import type { Rest } from './api/rest';
import type { SessionKeeper } from './api/session';
import { whyRefused, type Doing, type Who } from './api/who';
import type { MigrationTracker } from './migration/tracker';
import type { RateHistory } from './model/history';
import { ratesOf, type VmRate } from './model/rates';
import type { Toasts } from './ui/toasts';

export interface App {
  session: SessionKeeper;
  who: Who;
  rest: Rest;
  store: OverviewStore;
  history: RateHistory;
  migrations: MigrationTracker;
  toasts: Toasts;
}

export const AppContext = createContext<App | undefined>(undefined);

export function useApp(): App {
  const app = useContext(AppContext);
  if (!app) throw new Error('there is no app around this');
  return app;
}

/** Why the session may not do something; undefined: it may. Buttons that it may not use say so. */
export function useWhyRefused(): (doing: Doing) => string | undefined {
  const { who } = useApp();
  const self = useSyncExternalStore(who.subscribe, who.get);
  return doing => whyRefused(self, access[doing], roles);
}

/** Whether the session may do something; screens and panels that it may not see are not offered. */
export function useMay(): (doing: Doing) => boolean {
  const why = useWhyRefused();
  return doing => why(doing) === undefined;
}

/** What is known of the cluster, of which these parts are asked for as long as the caller is on the screen. */
export function useOverview(parts: readonly OverviewPart[], vm?: string): Sight {
  const { store } = useApp();
  const key = parts.join();
  useEffect(() => store.want({ parts: key.split(',') as OverviewPart[], vm }), [store, key, vm]);
  return useSyncExternalStore(store.subscribe, store.getSight);
}

export function useRates({ known, before }: Sight): Map<string, VmRate> {
  return useMemo(() => ratesOf(before.telemetry, known.telemetry), [before.telemetry, known.telemetry]);
}

/** The time now, ms since 1970, moving on each second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Begins operations and shows how they go. */
export function useOperate() {
  const { rest, store, toasts } = useApp();
  return <N extends OperationEndpoint>(
    text: string,
    name: N,
    params: ParamsOf<N>,
    body: object = {},
  ): Promise<unknown> =>
    toasts
      .follow(text, tell =>
        rest.operate(name, params, { body } as never, { onProgress: ({ progress }) => tell(progress) }),
      )
      .finally(() => store.refresh());
}
