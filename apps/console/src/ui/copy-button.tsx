import { useEffect, useState } from 'react';
import { Icon } from './icon';

/** How long it says that it has copied, ms. */
const SAID_MS = 3_000;

/**
 * Copies what a field near it has. Where the page is no secure context there is no clipboard to write to: then the field
 * is marked and the browser copies what is marked.
 */
export function CopyButton({ label, field }: { label: string; field: () => HTMLInputElement | null }) {
  const [said, setSaid] = useState<'' | 'Copied' | 'Press Ctrl-C'>('');
  useEffect(() => {
    if (said === '') return;
    const timer = setTimeout(() => setSaid(''), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    const input = field();
    if (!input) return;
    setSaid((await isCopied(input)) ? 'Copied' : 'Press Ctrl-C');
  };
  return (
    <>
      <button type="button" className="button" aria-label={label} onClick={() => void copy()}>
        <Icon name={said === 'Copied' ? 'check' : 'clone'} /> {said || 'Copy'}
      </button>
      <span className="visually-hidden" role="status">
        {said}
      </span>
    </>
  );
}

async function isCopied(input: HTMLInputElement): Promise<boolean> {
  // Undefined in a page that is no secure context, whatever its type says.
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (clipboard) {
    try {
      await clipboard.writeText(input.value);
      return true;
    } catch {
      // not allowed by whoever uses the browser; what is marked may be
    }
  }
  input.focus();
  input.select();
  return document.execCommand('copy');
}
