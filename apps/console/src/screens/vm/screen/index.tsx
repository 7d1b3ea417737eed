import { useRef, useState, type FormEvent, type KeyboardEvent, type ReactNode } from 'react';
import { usePolled } from '../../../api/use-polled';
import { useApp, useWhyRefused } from '../../../app-context';
import { ErrorNote } from '../../../ui/dialog';
import { Panel } from '../../../ui/panel';
import type { VmTabProps } from '../tabs';
import { combinationOf } from './keys';
import { KeySender } from './key-sender';
import './screen.css';

/** It is drawn anew so often, and after each key. */
const PERIOD_MS = 500;

/** What is on the VM's VGA screen, and its PS/2 keyboard. */
export function ScreenTab({ vm }: VmTabProps) {
  const { rest } = useApp();
  const {
    value: screen,
    error,
    look,
  } = usePolled(vm.id, PERIOD_MS, signal => rest.call('vmScreen', { vm: vm.id }, { signal }));
  const [isText, setText] = useState(false);
  if (error && !screen) return <ErrorNote error={error} />;
  if (!screen) return <p className="empty">Loading…</p>;
  const { width, height, text, png } = screen;
  const mode =
    width === 0
      ? 'off'
      : text
        ? `text, ${text[0]?.length ?? 0} × ${text.length}`
        : `${width} × ${height} pixels`;
  return (
    <Panel
      title="Screen"
      flush
      actions={
        <>
          <span className="muted">{mode}</span>
          {text && (
            <button type="button" className="button" aria-pressed={isText} onClick={() => setText(!isText)}>
              As text
            </button>
          )}
          <a className="button" href={`data:image/png;base64,${png}`} download={`${vm.name}.png`}>
            Save picture
          </a>
        </>
      }
    >
      {error && <ErrorNote error={error} />}
      <Keyboard vm={vm} onTyped={look}>
        {width === 0 ? (
          <p className="empty">The display adapter shows nothing.</p>
        ) : (
          <>
            {!(text && isText) && (
              <img
                src={`data:image/png;base64,${png}`}
                width={width}
                height={height}
                alt={text ? 'The screen; its text follows' : 'The screen, in graphics'}
              />
            )}
            {text && (
              <pre className={isText ? 'vga-text' : 'visually-hidden'}>
                {text.map(row => row.trimEnd()).join('\n')}
              </pre>
            )}
          </>
        )}
      </Keyboard>
    </Panel>
  );
}

function Keyboard({ vm, onTyped, children }: VmTabProps & { onTyped: () => void; children: ReactNode }) {
  const { rest, toasts } = useApp();
  const refusal = useWhyRefused()('typeVm');
  const [text, setText] = useState('');
  const [isHeld, setHeld] = useState(false);
  const leave = useRef<HTMLInputElement>(null);
  const sender = useRef<KeySender>(undefined);
  sender.current ??= new KeySender(async body => {
    try {
      await rest.call('typeVm', { vm: vm.id }, { body });
      onTyped();
    } catch (thrown) {
      toasts.fail(`Type at ${vm.name}`, thrown);
    }
  });
  const keys = sender.current;
  const press = (event: KeyboardEvent) => {
    if (refusal !== undefined) return;
    if (event.ctrlKey && event.key === ']') {
      event.preventDefault();
      return leave.current?.focus();
    }
    const name = combinationOf({ ...heldOf(event), isComposing: event.nativeEvent.isComposing });
    if (name === undefined) return;
    event.preventDefault();
    keys.press(name);
  };
  const send = (event: FormEvent) => {
    event.preventDefault();
    keys.type(text);
    keys.press('enter');
    setText('');
  };
  return (
    <>
      <div
        className={isHeld ? 'vga held' : 'vga'}
        tabIndex={0}
        role="group"
        aria-label={
          refusal === undefined ? 'Screen: what is typed here goes to the guest; Ctrl-] leaves it' : 'Screen'
        }
        onFocus={() => setHeld(true)}
        onBlur={() => setHeld(false)}
        onKeyDown={press}
      >
        {children}
      </div>
      <form className="panel-body row" onSubmit={send} title={refusal}>
        <input
          ref={leave}
          aria-label="Text to be typed"
          placeholder="Text to be typed"
          maxLength={1_000}
          autoComplete="off"
          spellCheck={false}
          disabled={refusal !== undefined}
          value={text}
          onChange={event => setText(event.target.value)}
        />
        <button type="submit" className="button" disabled={refusal !== undefined}>
          Type, then Enter
        </button>
        <button
          type="button"
          className="button"
          disabled={refusal !== undefined}
          onClick={() => keys.press('ctrl-alt-del')}
        >
          Ctrl-Alt-Del
        </button>
        <span className="muted">
          {refusal ??
            (isHeld ? 'Keys go to the guest; Ctrl-] leaves it.' : 'Click on the screen to type at it.')}
        </span>
      </form>
    </>
  );
}

const heldOf = ({ key, ctrlKey, altKey, shiftKey }: KeyboardEvent) => ({ key, ctrlKey, altKey, shiftKey });
