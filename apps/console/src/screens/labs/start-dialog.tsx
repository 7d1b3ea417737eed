import { useState } from 'react';
import type { LabInfo } from '@v3vee/contracts';
import { useApp } from '../../app-context';
import { go } from '../../router';
import { FormDialog } from '../../ui/dialog';

/** Of labLimits, which would bring zod along. */
const MOST_RUNS = 9999;

export function StartDialog({ lab, onClose }: { lab: LabInfo; onClose: () => void }) {
  const { rest, store } = useApp();
  const [text, setText] = useState('');
  const runs = text.trim() === '' ? undefined : Number(text);
  const isReady = runs === undefined || (Number.isInteger(runs) && runs >= 1 && runs <= MOST_RUNS);
  const start = async () => {
    const { id } = await rest.call('runLab', { lab: lab.name }, { body: { runs } });
    store.refresh();
    go('labs', id);
  };
  return (
    <FormDialog
      title={`Run lab ${lab.name}`}
      submit="Run"
      isReady={isReady}
      onSubmit={start}
      onClose={onClose}
    >
      <p>{lab.summary}.</p>
      <label className="field">
        Repetitions of each measurement
        <input
          inputMode="numeric"
          value={text}
          placeholder={String(lab.runs)}
          aria-invalid={!isReady}
          onChange={event => setText(event.target.value)}
        />
        <small>
          {isReady
            ? `About ${lab.minutes} min with ${lab.runs} on a quiet machine of two cores; 1 is fast, and tells no spread.`
            : `A whole number from 1 to ${MOST_RUNS}`}
        </small>
      </label>
      <p className="note warn">
        A lab takes the whole machine: it starts clusters of its own, and measures whatever else runs along,
        this cluster’s virtual machines too.
      </p>
    </FormDialog>
  );
}
