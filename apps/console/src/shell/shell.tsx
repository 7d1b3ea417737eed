import {
  Component,
  Suspense,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
  type ReactNode,
} from 'react';
import { useApp, useMay, useOverview } from '../app-context';
import { MigrationDock } from '../migration/migration-dock';
import { href, usePath } from '../router';
import { screens } from '../screens';
import { ErrorNote } from '../ui/dialog';
import { ApiError } from '../api/problem';
import { Icon } from '../ui/icon';
import mark from '../ui/mark.svg';
import { chooseTheme, currentTheme } from '../ui/theme';
import { ToastList } from '../ui/toasts';

export function Shell() {
  const { toasts } = useApp();
  const [id = screens[0]!.id, ...rest] = usePath();
  const screen = screens.find(each => each.id === id);
  const [isNavOpen, setNavOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const place = [id, ...rest].join('/');
  const isFirst = useRef(true);
  const title = `${[rest[0], screen?.title].filter(Boolean).join(' – ')} – V3VEE`;
  useEffect(() => {
    document.title = title;
  }, [title]);
  useEffect(() => {
    // Who goes somewhere hears where; not on arrival.
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
    setNavOpen(false);
  }, [place]);
  return (
    <div className={isNavOpen ? 'shell nav-open' : 'shell'}>
      {/* The address says the screen, so this can't lead to an id, which would be enough of a landmark. */}
      <nav className="skip" aria-label="Skip">
        <a href={location.hash || '#/'} onClick={() => main.current?.focus()}>
          To the content
        </a>
      </nav>
      <header className="phone-bar">
        <button
          type="button"
          className="button quiet icon-only"
          aria-label="Navigation"
          aria-expanded={isNavOpen}
          onClick={() => setNavOpen(!isNavOpen)}
        >
          <Icon name="bars" />
        </button>
        <strong>{screen?.title ?? 'V3VEE'}</strong>
      </header>
      <Sidebar current={id} />
      <main ref={main} tabIndex={-1} aria-label={screen?.title}>
        <ConnectionNote />
        <ScreenGuard key={place}>
          <Suspense fallback={<p className="empty">Loading…</p>}>
            {screen ? (
              <screen.view path={rest} />
            ) : (
              <p className="empty">There is nothing at this address.</p>
            )}
          </Suspense>
        </ScreenGuard>
      </main>
      <MigrationDock />
      <ToastList toasts={toasts} />
    </div>
  );
}

function Sidebar({ current }: { current: string }) {
  const { session, who } = useApp();
  const [theme, setTheme] = useState(currentTheme);
  const other = theme === 'dark' ? 'light' : 'dark';
  const may = useMay();
  const self = useSyncExternalStore(who.subscribe, who.get);
  const offered = screens.filter(({ needs }) => needs === undefined || may(needs));
  const groups = [...new Set(offered.map(({ group }) => group))];
  return (
    <nav className="sidebar" aria-label="Main">
      <a className="brand" href="#/">
        <img src={mark} width="22" height="22" alt="" />
        V3VEE
      </a>
      {groups.map(group => (
        <div key={group} className="nav-group">
          <h2>{group}</h2>
          {offered
            .filter(screen => screen.group === group)
            .map(({ id, title, icon }) => (
              <a key={id} href={href(id)} aria-current={id === current ? 'page' : undefined}>
                <Icon name={icon} />
                {title}
              </a>
            ))}
        </div>
      ))}
      <div className="nav-foot">
        <Connection />
        {self && (
          <span className="who muted">
            {self.user}, {self.role}
            {self.project !== null && ` of ${self.project}`}
          </span>
        )}
        <a href="/docs" target="_blank" rel="noreferrer">
          <Icon name="docs" /> REST interface
        </a>
        <button
          type="button"
          onClick={() => {
            chooseTheme(other);
            setTheme(other);
          }}
        >
          <Icon name={other === 'dark' ? 'moon' : 'sun'} /> {other === 'dark' ? 'Dark' : 'Light'}
        </button>
        <button type="button" onClick={() => session.end()}>
          <Icon name="leave" /> Log out
        </button>
      </div>
    </nav>
  );
}

/** Whether what is shown is what is. */
function Connection() {
  const { heardAt, error } = useOverview(['hosts']);
  const [tone, text] = error
    ? ['bad', 'No connection']
    : heardAt === 0
      ? ['idle', 'Connecting…']
      : ['ok', 'Live'];
  return (
    <span className={`connection ${tone}`} role="status">
      <i /> {text}
    </span>
  );
}

function ConnectionNote() {
  const { error, heardAt, known } = useOverview(['hosts']);
  if (error)
    return (
      <div className="note bad" role="alert">
        <strong>{error.title}</strong>
        {heardAt === 0
          ? error.message
          : 'What is shown is what was last heard. It is tried again each second.'}
      </div>
    );
  // What somebody may not see is no trouble.
  const missing = known.missing.filter(({ code }) => code !== 'PERMISSION_DENIED');
  if (missing.length === 0) return null;
  return (
    <div className="note warn" role="status">
      {[...new Set(missing.map(({ detail }) => detail))].join('; ')}
    </div>
  );
}

/** A mistake in one screen must not take the others along. */
class ScreenGuard extends Component<{ children: ReactNode }, { error?: ApiError }> {
  override state: { error?: ApiError } = {};
  static getDerivedStateFromError = (thrown: unknown) => ({ error: ApiError.from(thrown) });
  override render() {
    return this.state.error ? <ErrorNote error={this.state.error} /> : this.props.children;
  }
}
