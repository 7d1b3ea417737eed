/** What a key press of the browser is on a VM's keyboard, as `typeVm` names keys. */

const names: Record<string, string> = {
  ...{ Escape: 'esc', Backspace: 'backspace', Tab: 'tab', Enter: 'enter', ' ': 'space', Delete: 'del' },
  ...{ ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'left', ArrowRight: 'right', Insert: 'insert' },
  ...{ Home: 'home', End: 'end', PageUp: 'pgup', PageDown: 'pgdn' },
};

interface Press {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
  isComposing?: boolean;
}

/** `ctrl-c`, `shift-up`, `A`; undefined where a US keyboard has no such key. */
export function combinationOf({ key, ctrlKey, altKey, shiftKey, isComposing }: Press): string | undefined {
  if (isComposing) return undefined;
  const isCharacter = /^[\x21-\x7e]$/.test(key);
  const name = isCharacter
    ? key
    : (names[key] ?? (/^F([1-9]|1[0-2])$/.test(key) ? key.toLowerCase() : undefined));
  if (name === undefined) return undefined;
  // A character says by itself whether shift is held.
  const held = [ctrlKey && 'ctrl', altKey && 'alt', shiftKey && !isCharacter && 'shift'].filter(Boolean);
  return [...held, name].join('-');
}
