import { createRoot } from 'react-dom/client';
import { rest as table } from 'virtual:contract';
import { OverviewStore } from './api/overview-store';
import { Rest } from './api/rest';
import { SessionKeeper, type Channel } from './api/session';
import { Who } from './api/who';
import { AppContext, type App } from './app-context';
import { MigrationTracker } from './migration/tracker';
import { RateHistory } from './model/history';
import { ratesOf } from './model/rates';
import { takeLoginCode } from './router';
import { Root } from './shell/root';
import { applyTheme, currentTheme } from './ui/theme';
import { Toasts } from './ui/toasts';
import './ui/theme.css';
import './ui/components.css';
import './shell/shell.css';

applyTheme(currentTheme());

const session = new SessionKeeper(sessionStorage, new BroadcastChannel('v3.session') as Channel);
const rest = new Rest(
  table,
  () => session.token,
  why => session.end(why),
);
const store = new OverviewStore({
  ask: (parts, vm, signal) => rest.call('getOverview', {}, { query: { parts: parts.join(), vm }, signal }),
  isHidden: () => document.hidden,
});
document.addEventListener('visibilitychange', () => store.refresh());

const who = new Who(() => rest.call('getSelf', {}));
if (session.token !== undefined) void who.look();

const history = new RateHistory();
store.subscribe(() => {
  const { known, before, heardAt } = store.getSight();
  history.add(Math.floor(heardAt / 1000), ratesOf(before.telemetry, known.telemetry).values());
});
session.subscribe(() => {
  if (session.token !== undefined) {
    void who.look();
    return store.refresh();
  }
  who.forget();
  store.clear();
  history.clear();
});

const migrations = new MigrationTracker({
  watch: (id, signal) => rest.lines(`/v1/migrations/${encodeURIComponent(id)}:watch`, signal),
  get: migration => rest.call('getMigration', { migration }),
});

const app: App = { session, who, rest, store, history, migrations, toasts: new Toasts() };
createRoot(document.getElementById('root')!).render(
  <AppContext value={app}>
    <Root loginCode={takeLoginCode()} />
  </AppContext>,
);
