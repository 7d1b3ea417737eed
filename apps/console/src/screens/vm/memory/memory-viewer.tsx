import { useState, type FormEvent } from 'react';
import type { MemoryMap, Vm } from '@v3vee/contracts';
import { ApiError } from '../../../api/problem';
import { useApp } from '../../../app-context';
import { formatHex } from '../../../model/quantities';
import { ErrorNote } from '../../../ui/dialog';
import { Panel } from '../../../ui/panel';
import { hexDump } from '../../../model/hex-dump';
import { octetsOf, readAddress, toHex } from './octets';
import './memory.css';

const PAGE = 512;

interface Shown {
  address: number;
  bytes: Uint8Array;
}

/** Octets of guest memory by address, and where some are. */
export function MemoryViewer({ vm, map }: { vm: Vm; map: MemoryMap }) {
  const { rest } = useApp();
  const [typed, setTyped] = useState('0x100000');
  const [pattern, setPattern] = useState('');
  const [shown, setShown] = useState<Shown>();
  const [found, setFound] = useState<{ addresses: number[]; more: boolean }>();
  const [error, setError] = useState<ApiError>();
  const attempt = async (work: () => Promise<void>) => {
    try {
      setError(undefined);
      await work();
    } catch (thrown) {
      setError(ApiError.from(thrown));
    }
  };
  const show = (from: number) =>
    attempt(async () => {
      const address = Math.max(0, from);
      // The last page ends where RAM does.
      const length = Math.max(1, Math.min(PAGE, map.memoryBytes - address));
      const { data } = await rest.call('readVmMemory', { vm: vm.id }, { query: { address, length } });
      setTyped(formatHex(address));
      setShown({ address, bytes: octetsOf(data) });
    });
  const search = (event: FormEvent) => {
    event.preventDefault();
    void attempt(async () =>
      setFound(
        await rest.call(
          'searchVmMemory',
          { vm: vm.id },
          { query: { address: 0, pattern: toHex(pattern), limit: 50 } },
        ),
      ),
    );
  };
  return (
    <Panel title="Contents" flush>
      <div className="panel-body memory-forms">
        <form
          className="row"
          onSubmit={event => {
            event.preventDefault();
            void attempt(async () => show(readAddress(typed)));
          }}
        >
          <input
            aria-label="Address"
            className="mono"
            spellCheck={false}
            value={typed}
            onChange={event => setTyped(event.target.value)}
          />
          <button type="submit" className="button">
            Show
          </button>
          <button
            type="button"
            className="button"
            disabled={!shown || shown.address === 0}
            onClick={() => shown && void show(shown.address - PAGE)}
          >
            Before
          </button>
          <button
            type="button"
            className="button"
            disabled={!shown || shown.address + PAGE >= map.memoryBytes}
            onClick={() => shown && void show(shown.address + PAGE)}
          >
            After
          </button>
        </form>
        <form className="row" onSubmit={search}>
          <input
            aria-label="Text, or octets such as 0x7f454c46"
            placeholder="Text, or octets: 0x7f454c46"
            spellCheck={false}
            required
            value={pattern}
            onChange={event => setPattern(event.target.value)}
          />
          <button type="submit" className="button">
            Find
          </button>
        </form>
      </div>
      {error && <ErrorNote error={error} />}
      {found && (
        <div className="panel-body row" role="status">
          <span className="muted">
            {found.addresses.length === 0
              ? 'It is nowhere.'
              : `${found.addresses.length}${found.more ? ' and more' : ''}:`}
          </span>
          {found.addresses.slice(0, 12).map(address => (
            <button
              key={address}
              type="button"
              className="button quiet mono"
              onClick={() => void show(address)}
            >
              {formatHex(address, 8)}
            </button>
          ))}
        </div>
      )}
      {shown && (
        <pre className="octets" aria-label={`Octets from ${formatHex(shown.address)}`} tabIndex={0}>
          {hexDump(shown.bytes, shown.address, 8)}
        </pre>
      )}
    </Panel>
  );
}
