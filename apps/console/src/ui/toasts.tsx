import { useSyncExternalStore } from 'react';
import { ApiError } from '../api/problem';
import { Icon } from './icon';

export interface Toast {
  id: number;
  tone: 'busy' | 'ok' | 'bad';
  text: string;
  detail: string;
}

/** How long what went well stays, ms. What went wrong stays until it is put away. */
const OK_MS = 5_000;
const MOST = 5;

/** What was begun, how far it is, and how it ended. */
export class Toasts {
  private list: readonly Toast[] = [];
  private readonly listeners = new Set<() => void>();
  private count = 0;

  readonly get = (): readonly Toast[] => this.list;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Shows some work until it ends. @returns what it returns, or undefined where it failed, which is shown */
  async follow<T>(
    text: string,
    work: (tell: (detail: string) => void) => Promise<T>,
  ): Promise<T | undefined> {
    const id = ++this.count;
    this.put({ id, tone: 'busy', text, detail: '' });
    try {
      const result = await work(detail => this.put({ id, tone: 'busy', text, detail }));
      this.put({ id, tone: 'ok', text: `${text}: done`, detail: '' });
      setTimeout(() => this.dismiss(id), OK_MS);
      return result;
    } catch (thrown) {
      this.fail(text, thrown, id);
      return undefined;
    }
  }

  /** Says for a while what was done. */
  tell(text: string): void {
    const id = ++this.count;
    this.put({ id, tone: 'ok', text, detail: '' });
    setTimeout(() => this.dismiss(id), OK_MS);
  }

  fail(text: string, thrown: unknown, id = ++this.count): void {
    const { title, message } = ApiError.from(thrown);
    this.put({ id, tone: 'bad', text: `${text}: ${title}`, detail: message });
  }

  dismiss(id: number): void {
    this.set(this.list.filter(toast => toast.id !== id));
  }

  private put(toast: Toast): void {
    const isNew = !this.list.some(({ id }) => id === toast.id);
    this.set(
      isNew ? [...this.list, toast].slice(-MOST) : this.list.map(old => (old.id === toast.id ? toast : old)),
    );
  }

  private set(list: readonly Toast[]): void {
    this.list = list;
    for (const listener of this.listeners) listener();
  }
}

export function ToastList({ toasts }: { toasts: Toasts }) {
  const list = useSyncExternalStore(toasts.subscribe, toasts.get);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {list.map(({ id, tone, text, detail }) => (
        <div key={id} className={`toast ${tone}`}>
          {tone === 'busy' && <span className="spinner" />}
          <div className="grow">
            <p>{text}</p>
            {detail && <p>{detail}</p>}
          </div>
          {tone !== 'busy' && (
            <button
              type="button"
              className="button quiet icon-only"
              aria-label="Put this message away"
              onClick={() => toasts.dismiss(id)}
            >
              <Icon name="close" />
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
