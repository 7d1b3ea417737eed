import { useState } from 'react';
import { defaultProject } from 'virtual:contract';
import { useApp } from '../../app-context';
import { CheckField, SelectField, TextField } from '../../forms/fields';
import { textOf } from '../../forms/form-model';
import { useForm } from '../../forms/use-form';
import { FormDialog } from '../../ui/dialog';
import { useProjects } from '../access/lists';

const initial = { name: '', subnet: '', dhcp: false, dns: false, project: '' };

export function NetworkDialog({ onClose }: { onClose: () => void }) {
  const { rest, store, toasts, who } = useApp();
  const [project] = useState(() => who.get()?.project ?? null);
  const { value: projects } = useProjects();
  const form = useForm({
    name: 'network',
    initial,
    body: values => ({
      name: values.name,
      subnet: textOf(values.subnet),
      dhcp: values.dhcp,
      dns: values.dns,
      project: textOf(values.project),
    }),
    codes: { NETWORK_EXISTS: 'name', PROJECT_NOT_FOUND: 'project' },
  });
  const create = async (body: object) => {
    const { name } = await rest.call('createNetwork', {}, { body: body as never });
    store.refresh();
    toasts.tell(`Network ${name} is there`);
  };
  return (
    <FormDialog title="New network" submit="Create" onSubmit={() => form.submit(create)} onClose={onClose}>
      <TextField form={form} name="name" label="Name" placeholder="lab" autoFocus />
      <TextField
        form={form}
        name="subnet"
        label="Subnet"
        placeholder="10.20.0.0/24"
        hint="Addresses of its NICs are to be of it. Left empty, they may be any."
      />
      {project === null && projects && projects.length > 1 && (
        <SelectField form={form} name="project" label="Project" hint="Whose it is; it stays there.">
          <option value="">{defaultProject}</option>
          {projects
            .filter(({ name }) => name !== defaultProject)
            .map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
        </SelectField>
      )}
      <CheckField
        form={form}
        name="dhcp"
        label="DHCP"
        hint="Lends addresses of the subnet to guests that ask."
      />
      <CheckField form={form} name="dns" label="DNS" hint="Answers guests’ questions for the names of VMs." />
    </FormDialog>
  );
}
