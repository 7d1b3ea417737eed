import { useEffect, useRef, useState } from 'react';
import type { FieldError } from '@v3vee/contracts';
import { maxImageBytes } from 'virtual:contract';
import { blobPath, sha256Of } from '../../api/blobs';
import { useApp } from '../../app-context';
import { TextField } from '../../forms/fields';
import { useForm, type Form } from '../../forms/use-form';
import { formatBytes } from '../../model/quantities';
import { FormDialog, STAYS } from '../../ui/dialog';
import { FieldFrame } from '../../ui/field';
import { fileProblem, nameFrom, type Part } from './files';

const initial = { name: '', kernel: '', initrd: '', cmdline: 'console=ttyS0' };

/** How far it is. */
interface Progress {
  text: string;
  /** Of all that is sent, bytes; undefined: it is not known how long this takes. */
  sent?: number;
}

/** Files of the browser's machine become an image: uploaded under their digests, then checked and kept by the gateway. */
export function ImportDialog({ onImported, onClose }: { onImported: () => void; onClose: () => void }) {
  const { rest, toasts } = useApp();
  const [files, setFiles] = useState<Partial<Record<Part, File>>>({});
  const [progress, setProgress] = useState<Progress>();
  const [isStopped, setStopped] = useState(false);
  const work = useRef<AbortController>(undefined);
  // Who closes it does not want it any more.
  useEffect(() => () => work.current?.abort(), []);
  const total = (files.kernel?.size ?? 0) + (files.initrd?.size ?? 0);
  const form = useForm({
    name: 'image',
    initial,
    body: ({ name, cmdline }) => ({ name, cmdline }),
    own: () =>
      (['kernel', 'initrd'] as const).flatMap((part): FieldError[] => {
        const message = fileProblem(part, files[part], maxImageBytes);
        return message === undefined ? [] : [{ path: part, message }];
      }),
    codes: { IMAGE_EXISTS: 'name' },
  });
  const choose = (part: Part, file: File | undefined) => {
    setFiles({ ...files, [part]: file });
    form.set(part, file?.name ?? '');
    const proposed = file && part === 'kernel' && form.values.name === '' ? nameFrom(file.name) : '';
    if (proposed) form.set('name', proposed);
  };
  const send = async (body: object) => {
    const { signal } = (work.current = new AbortController());
    setStopped(false);
    try {
      const digests: Partial<Record<Part, string>> = {};
      let before = 0;
      for (const part of ['kernel', 'initrd'] as const) {
        const file = files[part];
        if (!file) continue;
        setProgress({ text: `Reading the ${part}…`, sent: before });
        const sha256 = (digests[part] = await sha256Of(file));
        signal.throwIfAborted();
        const base = before;
        await rest.put(blobPath(sha256), file, signal, bytes =>
          setProgress({ text: `Sending the ${part}…`, sent: base + Math.min(bytes, file.size) }),
        );
        before += file.size;
      }
      setProgress({ text: 'It is checked…' });
      const { name } = await rest.call('importImage', {}, { body: { ...body, ...digests } as never, signal });
      onImported();
      toasts.tell(`Image ${name} is there`);
      return undefined;
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
      setStopped(true);
      return STAYS;
    } finally {
      setProgress(undefined);
    }
  };
  return (
    <FormDialog
      title="Import an image"
      submit={progress ? 'Importing…' : 'Import'}
      onSubmit={() => form.submit(send)}
      onClose={onClose}
    >
      <FileField
        form={form}
        part="kernel"
        label="Kernel"
        hint={`For a 32-bit x86 processor: a bzImage, or a vmlinux (ELF); at most ${formatBytes(maxImageBytes)}.`}
        isBusy={progress !== undefined}
        onFile={choose}
      />
      <FileField
        form={form}
        part="initrd"
        label="Initrd (optional)"
        hint="A cpio archive (newc), plain or compressed: the guest’s files."
        isBusy={progress !== undefined}
        onFile={choose}
      />
      <TextField form={form} name="name" label="Name" placeholder="my-linux" />
      <TextField
        form={form}
        name="cmdline"
        label="Kernel command line"
        className="mono"
        hint="console=ttyS0 lets the kernel speak on the serial console."
      />
      {isStopped && (
        <p className="note" role="status">
          It was stopped; no image was made of it.
        </p>
      )}
      {progress && (
        <div className="upload" role="group" aria-label="Progress">
          <div className="row">
            <span role="status">{progress.text}</span>
            {progress.sent !== undefined && (
              <span className="muted num">
                {formatBytes(progress.sent)} of {formatBytes(total)}
              </span>
            )}
            {progress.sent !== undefined && (
              <button type="button" className="button" onClick={() => work.current?.abort()}>
                Stop
              </button>
            )}
          </div>
          <SentBar share={progress.sent === undefined ? 1 : progress.sent / total} />
        </div>
      )}
    </FormDialog>
  );
}

/** @param share 0 to 1 */
function SentBar({ share }: { share: number }) {
  const percent = Math.floor(100 * share);
  return (
    <div
      className="meter"
      role="progressbar"
      aria-label="Sent"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <i style={{ transform: `scaleX(${percent / 100})` }} />
    </div>
  );
}

function FileField({
  form,
  part,
  label,
  hint,
  isBusy,
  onFile,
}: {
  form: Form<typeof initial>;
  part: Part;
  label: string;
  hint: string;
  isBusy: boolean;
  onFile: (part: Part, file: File | undefined) => void;
}) {
  return (
    <FieldFrame label={label} hint={hint} error={form.errorAt(part)}>
      {control => (
        <input
          {...control}
          type="file"
          disabled={isBusy}
          onChange={event => onFile(part, event.target.files?.[0])}
        />
      )}
    </FieldFrame>
  );
}
