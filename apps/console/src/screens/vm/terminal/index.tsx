import { useEffect, useRef, useState } from 'react';
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { useApp } from '../../../app-context';
import { Panel } from '../../../ui/panel';
import { isAllowed } from '../../../vm-actions/allowed';
import type { VmTabProps } from '../tabs';
import { BoundedWriter } from './bounded-writer';
import { ConsoleLink, type LinkState, type Socket } from './console-link';
import './terminal.css';

/** What a serial line's far end takes for granted. */
const COLUMNS = 80;
const ROWS = 25;
/** Of a monospaced font, its width to its height. */
const ASPECT = 0.602;
/** As in `v3 vm console`. */
const ESCAPE = ']';

const colours = {
  background: '#0b0f14',
  foreground: '#d7dee8',
  cursor: '#8fc7ff',
  selectionBackground: '#2c4a6e',
};

export function TerminalTab({ vm }: VmTabProps) {
  const { session } = useApp();
  const frame = useRef<HTMLDivElement>(null);
  const leave = useRef<HTMLButtonElement>(null);
  const link = useRef<ConsoleLink>(undefined);
  const [state, setState] = useState<LinkState>({ name: 'connecting' });
  const [isSpoken, setSpoken] = useState(false);
  const [terminal, setTerminal] = useState<Terminal>();

  useEffect(() => {
    const element = frame.current as HTMLDivElement;
    const size = () => Math.max(7, Math.min(16, element.clientWidth / COLUMNS / ASPECT - 0.2));
    const made = new Terminal({
      cols: COLUMNS,
      rows: ROWS,
      scrollback: 5_000,
      fontFamily: getComputedStyle(element).getPropertyValue('--mono'),
      fontSize: size(),
      theme: colours,
      cursorBlink: true,
    });
    made.open(element);
    made.focus();
    made.attachCustomKeyEventHandler(event => {
      if (!(event.ctrlKey && event.key === ESCAPE)) return true;
      leave.current?.focus();
      return false;
    });
    const writer = new BoundedWriter(made);
    const connection = (link.current = new ConsoleLink({
      open: () =>
        new WebSocket(
          `${location.origin.replace(/^http/, 'ws')}/v1/vms/${encodeURIComponent(vm.id)}/console`,
          ['v3.console', `v3.token.${session.token}`],
        ) as Socket,
      onData: data => writer.write(data),
      onState: next => {
        // What is sent at the beginning is what was there before, the screen included.
        if (next.name === 'open') made.reset();
        setState(next);
      },
    }));
    made.onData(text => connection.send(text));
    const observer = new ResizeObserver(() => (made.options.fontSize = size()));
    observer.observe(element);
    setTerminal(made);
    return () => {
      observer.disconnect();
      connection.close();
      made.dispose();
    };
  }, [session, vm.id]);

  const hasConsole = isAllowed('console', vm.state);
  useEffect(() => {
    if (hasConsole) link.current?.connect();
  }, [hasConsole, vm.epoch, terminal]);
  useEffect(() => {
    if (terminal) terminal.options.screenReaderMode = isSpoken;
  }, [terminal, isSpoken]);

  return (
    <Panel
      title="Serial console"
      actions={
        <>
          <span role="status" className="muted" data-link={state.name}>
            {hasConsole ? textOf(state) : `${vm.name} is ${vm.state}: ${vm.reason}`}
          </span>
          <label className="check">
            <input type="checkbox" checked={isSpoken} onChange={event => setSpoken(event.target.checked)} />
            Screen reader
          </label>
          <button ref={leave} type="button" className="button" onClick={() => terminal?.focus()}>
            Type here
          </button>
        </>
      }
      flush
    >
      <div
        ref={frame}
        className="serial"
        aria-label={`Serial console of ${vm.name}; Ctrl and ] leaves it`}
        role="group"
      />
    </Panel>
  );
}

function textOf(state: LinkState): string {
  switch (state.name) {
    case 'connecting':
      return 'Connecting…';
    case 'open':
      return 'Connected; Ctrl-] leaves it';
    case 'lost':
      return `${state.reason}; it is tried again`;
    case 'over':
      return state.reason;
  }
}
