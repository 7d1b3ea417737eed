import { useState } from 'react';
import type { Project } from '@v3vee/contracts';
import { useApp } from '../../app-context';
import { formatBytes, formatMiB, plural } from '../../model/quantities';
import { go } from '../../router';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { FormDialog } from '../../ui/dialog';
import { Field, useFieldErrors } from '../../ui/field';
import { patchOf, quotaForm, units, type Amount, type QuotaForm, type Unit } from './quota-form';

const quotas = ['maxVms', 'maxMemoryMiB', 'maxSnapshotBytes'];

interface Asked {
  onDone: () => void;
  onClose: () => void;
}

export function NewProjectDialog({ onDone, onClose }: Asked) {
  const { rest } = useApp();
  const errors = useFieldErrors(['name', ...quotas], { PROJECT_EXISTS: 'name' });
  const [name, setName] = useState('');
  const [form, setForm] = useState(quotaForm);
  const create = async () => {
    await rest.call('createProject', {}, { body: { name, ...patchOf(form) } });
    onDone();
    go('projects', name);
  };
  return (
    <FormDialog
      title="New project"
      submit="Create"
      isReady={name !== ''}
      onSubmit={() => errors.keep(create)}
      onClose={onClose}
    >
      <Field label="Name" hint="Lower-case letters, digits and hyphens; it stays." error={errors.at('name')}>
        {control => (
          <input
            {...control}
            value={name}
            autoComplete="off"
            spellCheck={false}
            autoFocus
            onChange={event => setName(event.target.value)}
          />
        )}
      </Field>
      <QuotaFields form={form} onChange={setForm} errorAt={errors.at} />
    </FormDialog>
  );
}

export function QuotasDialog({ project, onDone, onClose }: Asked & { project: Project }) {
  const { rest, toasts } = useApp();
  const errors = useFieldErrors(quotas);
  const [before] = useState(() => quotaForm(project));
  const [form, setForm] = useState(before);
  const change = async () => {
    await rest.call('updateProject', { project: project.name }, { body: patchOf(form, before) });
    toasts.tell(`Quotas of ${project.name} are changed`);
    onDone();
  };
  return (
    <FormDialog
      title={`Quotas of ${project.name}`}
      submit="Save"
      onSubmit={() => errors.keep(change)}
      onClose={onClose}
    >
      <QuotaFields form={form} onChange={setForm} errorAt={errors.at} project={project} />
      <p className="muted">What is there already stays, also where it is more.</p>
    </FormDialog>
  );
}

/** @param project that has something already */
function QuotaFields({
  form,
  onChange,
  errorAt,
  project,
}: {
  form: QuotaForm;
  onChange: (form: QuotaForm) => void;
  errorAt: (path: string) => string | undefined;
  project?: Project;
}) {
  const has = (text: string | undefined) => (text === undefined ? '' : ` It has ${text}.`);
  return (
    <>
      <Field
        label="Virtual machines"
        hint={`That it may define, running or not.${has(project && plural(project.vms, 'VM'))}`}
        error={errorAt('maxVms')}
      >
        {control => (
          <input
            {...control}
            inputMode="numeric"
            placeholder="no limit"
            value={form.vms}
            onChange={event => onChange({ ...form, vms: event.target.value })}
          />
        )}
      </Field>
      <AmountField
        label="Memory"
        hint={`Of all its VMs together.${has(project && formatMiB(project.memoryMiB))}`}
        amount={form.memory}
        onChange={memory => onChange({ ...form, memory })}
        error={errorAt('maxMemoryMiB')}
      />
      <AmountField
        label="Snapshots"
        hint={`Of all its snapshots together.${has(project && formatBytes(project.snapshotBytes))}`}
        amount={form.snapshots}
        onChange={snapshots => onChange({ ...form, snapshots })}
        error={errorAt('maxSnapshotBytes')}
      />
    </>
  );
}

function AmountField({
  label,
  hint,
  amount,
  onChange,
  error,
}: {
  label: string;
  hint: string;
  amount: Amount;
  onChange: (amount: Amount) => void;
  error: string | undefined;
}) {
  return (
    <Field label={label} hint={hint} error={error}>
      {control => (
        <span className="amount">
          <input
            {...control}
            inputMode="decimal"
            placeholder="no limit"
            value={amount.text}
            onChange={event => onChange({ ...amount, text: event.target.value })}
          />
          <select
            aria-label={`Unit of ${label.toLowerCase()}`}
            value={amount.unit}
            onChange={event => onChange({ ...amount, unit: event.target.value as Unit })}
          >
            {units.map(unit => (
              <option key={unit}>{unit}</option>
            ))}
          </select>
        </span>
      )}
    </Field>
  );
}

export function DeleteProjectDialog({ project: { name }, onDone, onClose }: Asked & { project: Project }) {
  const { rest, toasts } = useApp();
  return (
    <ConfirmDialog
      title={`Delete ${name}?`}
      warning={<>Only a project that has nothing and nobody can be deleted. Its name is free again then.</>}
      submit="Delete"
      onConfirm={async () => {
        await rest.call('deleteProject', { project: name });
        toasts.tell(`Project ${name} is deleted`);
        onDone();
      }}
      onClose={onClose}
    />
  );
}
