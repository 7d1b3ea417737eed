import { useState } from 'react';
import { useApp, useOverview } from '../../app-context';
import { blobPath, sha256Of } from '../../api/blobs';
import { ApiError } from '../../api/problem';
import { go } from '../../router';
import { FormDialog } from '../../ui/dialog';

const MAX_BYTES = 4 << 20;

/** A WebAssembly program (WASI command) of the browser's machine, uploaded and run. */
export function LaunchDialog({ onLaunched, onClose }: { onLaunched: () => void; onClose: () => void }) {
  const { rest } = useApp();
  const { known } = useOverview(['hosts']);
  const [file, setFile] = useState<File>();
  const [host, setHost] = useState('');
  const [ranks, setRanks] = useState('1');
  const [memory, setMemory] = useState('16');
  const [args, setArgs] = useState('');
  const [share, setShare] = useState(false);
  const launch = async () => {
    const binary = await upload(file as File);
    const job = await rest.call(
      'createJob',
      {},
      {
        body: {
          binary,
          program: (file as File).name.replace(/[^\x21-\x7e]/g, '_').slice(0, 100),
          ranks: Number(ranks),
          memoryMiB: Number(memory),
          args: args.split(/\s+/).filter(Boolean),
          share,
          ...(host && { host }),
        },
      },
    );
    onLaunched();
    go('jobs', job.id);
  };
  const upload = async (program: File): Promise<string> => {
    if (program.size > MAX_BYTES)
      throw new ApiError('BODY_TOO_LARGE', 'The program is too large', 'A program has at most 4 MiB.');
    const sha256 = await sha256Of(program);
    await rest.fetch(blobPath(sha256), {
      method: 'PUT',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: program,
    });
    return sha256;
  };
  return (
    <FormDialog
      title="Run a program"
      submit="Run"
      isReady={file !== undefined}
      onSubmit={launch}
      onClose={onClose}
    >
      <label className="field">
        Program
        <input
          type="file"
          accept=".wasm,application/wasm"
          onChange={event => setFile(event.target.files?.[0])}
        />
        <small>A WebAssembly module: a WASI (preview 1) command of at most 4 MiB.</small>
      </label>
      <label className="field">
        Arguments
        <input value={args} spellCheck={false} onChange={event => setArgs(event.target.value)} />
        <small>Between spaces.</small>
      </label>
      <label className="field">
        Host
        <select value={host} onChange={event => setHost(event.target.value)}>
          <option value="">the one with the most free cores</option>
          {known.hosts?.map(({ name, coresFree }) => (
            <option key={name} value={name}>
              {name} ({coresFree} free)
            </option>
          ))}
        </select>
      </label>
      <div className="columns">
        <label className="field">
          Ranks
          <input
            type="number"
            min="1"
            max="64"
            required
            value={ranks}
            onChange={event => setRanks(event.target.value)}
          />
        </label>
        <label className="field">
          Memory of each, MiB
          <input
            type="number"
            min="1"
            max="1024"
            required
            value={memory}
            onChange={event => setMemory(event.target.value)}
          />
        </label>
      </div>
      <label className="check">
        <input type="checkbox" checked={share} onChange={event => setShare(event.target.checked)} />
        Its ranks may take turns with others on a core
      </label>
    </FormDialog>
  );
}
