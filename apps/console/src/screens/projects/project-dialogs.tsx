import { useState } from 'react';
import type { Project } from '@v3vee/contracts';
import { useApp } from '../../app-context';
import { NumberField, TextField } from '../../forms/fields';
import type { Values } from '../../forms/form-model';
import { useForm, type Form } from '../../forms/use-form';
import { formatBytes, formatMiB, plural } from '../../model/quantities';
import { go } from '../../router';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { FormDialog } from '../../ui/dialog';
import { FieldFrame } from '../../ui/field';
import { quotaPatch, quotaProblems, quotaValues, units, type QuotaValues } from './quota-form';

interface Asked {
  onDone: () => void;
  onClose: () => void;
}

export function NewProjectDialog({ onDone, onClose }: Asked) {
  const { rest } = useApp();
  const form = useForm({
    name: 'project',
    initial: { name: '', ...quotaValues() },
    body: values => ({ name: values.name, ...quotaPatch(values) }),
    own: quotaProblems,
    codes: { PROJECT_EXISTS: 'name' },
  });
  const create = async (body: object) => {
    const { name } = await rest.call('createProject', {}, { body: body as never });
    onDone();
    go('projects', name);
  };
  return (
    <FormDialog title="New project" submit="Create" onSubmit={() => form.submit(create)} onClose={onClose}>
      <TextField
        form={form}
        name="name"
        label="Name"
        hint="Lower-case letters, digits and hyphens; it stays."
        autoFocus
      />
      <QuotaFields form={form} />
    </FormDialog>
  );
}

export function QuotasDialog({ project, onDone, onClose }: Asked & { project: Project }) {
  const { rest, toasts } = useApp();
  const [before] = useState(() => quotaValues(project));
  const form = useForm({
    name: 'projectPatch',
    initial: before,
    body: values => quotaPatch(values, before),
    own: quotaProblems,
  });
  const change = async (body: object) => {
    await rest.call('updateProject', { project: project.name }, { body });
    toasts.tell(`Quotas of ${project.name} are changed`);
    onDone();
  };
  return (
    <FormDialog
      title={`Quotas of ${project.name}`}
      submit="Save"
      onSubmit={() => form.submit(change)}
      onClose={onClose}
    >
      <QuotaFields form={form} project={project} />
      <p className="muted">What is there already stays, also where it is more.</p>
    </FormDialog>
  );
}

/** @param project that has something already */
function QuotaFields<V extends Values & QuotaValues>({
  form,
  project,
}: {
  form: Form<V>;
  project?: Project;
}) {
  const has = (text: string | undefined) => (text === undefined ? '' : ` It has ${text}.`);
  return (
    <>
      <NumberField
        form={form}
        name="maxVms"
        label="Virtual machines"
        placeholder="no limit"
        hint={`That it may define, running or not.${has(project && plural(project.vms, 'VM'))}`}
      />
      <AmountField
        form={form}
        name="maxMemoryMiB"
        unit="memoryUnit"
        label="Memory"
        hint={`Of all its VMs together.${has(project && formatMiB(project.memoryMiB))}`}
      />
      <AmountField
        form={form}
        name="maxSnapshotBytes"
        unit="snapshotUnit"
        label="Snapshots"
        hint={`Of all its snapshots together.${has(project && formatBytes(project.snapshotBytes))}`}
      />
    </>
  );
}

function AmountField<V extends Values & QuotaValues>({
  form,
  name,
  unit,
  label,
  hint,
}: {
  form: Form<V>;
  name: 'maxMemoryMiB' | 'maxSnapshotBytes';
  unit: 'memoryUnit' | 'snapshotUnit';
  label: string;
  hint: string;
}) {
  return (
    <FieldFrame label={label} hint={hint} error={form.errorAt(name)}>
      {control => (
        <span className="amount">
          <input
            {...control}
            inputMode="decimal"
            placeholder="no limit"
            value={form.values[name]}
            onChange={event => form.set(name, event.target.value)}
            onBlur={() => form.touch(name)}
          />
          <select
            aria-label={`Unit of ${label.toLowerCase()}`}
            value={form.values[unit]}
            onChange={event => form.set(unit, event.target.value)}
          >
            {units.map(each => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </span>
      )}
    </FieldFrame>
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
