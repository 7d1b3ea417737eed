import { useSyncExternalStore } from 'react';

/** Addresses are behind the #: the gateway serves one page. `#/vms/a1/terminal` → `['vms', 'a1', 'terminal']`. */
export const parsePath = (hash: string): string[] =>
  hash
    .replace(/^#\/?/, '')
    .split('?')[0]!
    .split('/')
    .filter(Boolean)
    .map(part => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    });

export const href = (...parts: string[]): string => `#/${parts.map(encodeURIComponent).join('/')}`;

const subscribe = (listener: () => void): (() => void) => {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
};

export function usePath(): string[] {
  return parsePath(useSyncExternalStore(subscribe, () => location.hash));
}

export function go(...parts: string[]): void {
  location.hash = href(...parts);
}

/** The one-time code of `v3 console`'s address, taken out of it, so that no history keeps it. */
export function takeLoginCode(): string | undefined {
  const code = /^#login=([\w.-]+)$/.exec(location.hash)?.[1];
  if (code !== undefined) history.replaceState(null, '', '/');
  return code;
}
