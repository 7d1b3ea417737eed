import type { Network, VnetInterface, VnetLink } from '@v3vee/contracts';
import { useApp } from '../../app-context';
import { Group, SelectField, TextField } from '../../forms/fields';
import { textOf } from '../../forms/form-model';
import { useForm } from '../../forms/use-form';
import { FormDialog } from '../../ui/dialog';
import { placesOf } from './places';

const initial = { network: '', source: '', destination: '', to: '', from: '' };

/** Frames of which kind go where. Places are chosen of those that there are, or typed. */
export function RouteDialog({
  networks,
  links,
  interfaces,
  onClose,
}: {
  networks: readonly Network[];
  links: readonly VnetLink[];
  interfaces: readonly VnetInterface[];
  onClose: () => void;
}) {
  const { rest, store, toasts } = useApp();
  const form = useForm({
    name: 'route',
    initial,
    body: values => ({
      network: textOf(values.network),
      source: textOf(values.source) ?? 'any',
      destination: textOf(values.destination) ?? 'any',
      to: values.to,
      from: textOf(values.from) ?? 'any',
    }),
    codes: { VNET_ROUTE_EXISTS: 'destination' },
  });
  const create = async (body: object) => {
    const { index } = await rest.call('createRoute', {}, { body: body as never });
    store.refresh();
    toasts.tell(`Route ${index} is there`);
  };
  const here = ({ network }: { network: string }) =>
    form.values.network === '' || network === form.values.network;
  const places = placesOf(links.filter(here), interfaces.filter(here));
  const addresses = interfaces
    .filter(here)
    .map(({ mac, vm, name }) => ({ value: mac, label: `${vm}/${name}` }));
  const any = { value: 'any' };
  return (
    <FormDialog title="New route" submit="Add" onSubmit={() => form.submit(create)} onClose={onClose}>
      <Group title="Frames">
        <TextField
          form={form}
          name="source"
          label="Source address"
          placeholder="any"
          suggestions={[any, ...addresses]}
          autoFocus
        />
        <TextField
          form={form}
          name="destination"
          label="Destination address"
          placeholder="any"
          suggestions={[any, ...addresses]}
          hint="A MAC address, not- and one for all others, or any."
        />
        <TextField
          form={form}
          name="from"
          label="That come from"
          placeholder="any"
          suggestions={[any, ...places]}
          hint="A NIC or a link, as below, or any."
        />
      </Group>
      <Group title="Where they go">
        <TextField
          form={form}
          name="to"
          label="To"
          placeholder={places[0]?.value ?? 'edge wan'}
          suggestions={places}
          hint="interface and the address of a NIC, or edge and the name or peer of a link."
        />
        <SelectField form={form} name="network" label="Network">
          <option value="">that of where they go</option>
          {networks.map(({ id, name }) => (
            <option key={id}>{name}</option>
          ))}
        </SelectField>
      </Group>
    </FormDialog>
  );
}
