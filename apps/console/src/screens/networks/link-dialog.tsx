import type { Network, VnetLink } from '@v3vee/contracts';
import { useApp } from '../../app-context';
import { CheckField, Group, NumberField, SelectField, TextField } from '../../forms/fields';
import { changesOf, numberOf, shown, textOf, type Values } from '../../forms/form-model';
import { impairmentOf, impairmentValues } from '../../forms/impairment';
import { ImpairmentFields } from '../../forms/impairment-fields';
import { useForm } from '../../forms/use-form';
import { FormDialog } from '../../ui/dialog';

const types = [
  ['udp', 'UDP'],
  ['tcp', 'TCP'],
  ['vxlan', 'VXLAN'],
] as const;

/** As the gateway takes them where they are left empty. */
const defaultsOf = (type: string) =>
  type === 'vxlan' ? { port: '4789', mtu: '1450' } : { port: '9000', mtu: '1500' };

/** @param network that it is to join, if that is known */
export function LinkDialog({
  networks,
  network,
  onClose,
}: {
  networks: readonly Network[];
  network?: string;
  onClose: () => void;
}) {
  const { rest, store, toasts } = useApp();
  const form = useForm<Values>({
    name: 'link',
    initial: {
      name: '',
      type: 'udp',
      network: network ?? networks[0]?.name ?? '',
      remote: '',
      remotePort: '',
      local: '',
      localPort: '',
      vni: '',
      mtu: '',
      up: true,
      ...impairmentValues(null),
    },
    body: values => ({
      name: textOf(values.name),
      type: values.type,
      network: textOf(values.network),
      remote: values.remote,
      remotePort: numberOf(values.remotePort),
      local: textOf(values.local),
      localPort: numberOf(values.localPort),
      vni: values.type === 'vxlan' ? numberOf(values.vni) : undefined,
      mtu: numberOf(values.mtu),
      up: values.up,
      impairment: impairmentOf(values),
    }),
    codes: { VNET_LINK_EXISTS: 'name' },
  });
  const create = async (body: object) => {
    const { name } = await rest.call('createLink', {}, { body: body as never });
    store.refresh();
    toasts.tell(`Link ${name} is there`);
  };
  const { port, mtu } = defaultsOf(form.values.type as string);
  return (
    <FormDialog
      title="New link"
      submit="Create"
      isWide
      onSubmit={() => form.submit(create)}
      onClose={onClose}
    >
      <div className="fields">
        <TextField form={form} name="name" label="Name" placeholder="by its number" autoFocus />
        <SelectField form={form} name="network" label="Network">
          {networks.length === 0 && <option value="">there is none</option>}
          {networks.map(({ id, name }) => (
            <option key={id}>{name}</option>
          ))}
        </SelectField>
        <SelectField form={form} name="type" label="Type">
          {types.map(([type, text]) => (
            <option key={type} value={type}>
              {text}
            </option>
          ))}
        </SelectField>
      </div>
      <Group title="The other end">
        <div className="fields with-port">
          <TextField
            form={form}
            name="remote"
            label="Peer’s address"
            placeholder="192.0.2.1"
            hint="Frames from anybody else are dropped."
          />
          <NumberField form={form} name="remotePort" label="Peer’s port" placeholder={port} />
        </div>
      </Group>
      <Group title="This end">
        <div className="fields with-port">
          <TextField
            form={form}
            name="local"
            label="Own address"
            placeholder="127.0.0.1"
            hint="Where it listens; left empty, on this machine only."
          />
          <NumberField form={form} name="localPort" label="Own port" placeholder={port} />
        </div>
        <div className="fields">
          <NumberField form={form} name="mtu" label="MTU, bytes" placeholder={mtu} />
          {form.values.type === 'vxlan' && (
            <NumberField
              form={form}
              name="vni"
              label="Number on the wire (VNI)"
              placeholder="the network’s"
            />
          )}
        </div>
        <CheckField form={form} name="up" label="Up" />
      </Group>
      <ImpairmentFields form={form} of="the link" />
    </FormDialog>
  );
}

/** What can be changed of a link while it is there. */
export function LinkSettingsDialog({ link, onClose }: { link: VnetLink; onClose: () => void }) {
  const { rest, store, toasts } = useApp();
  const initial: Values = { mtu: shown(link.mtu), up: link.up, ...impairmentValues(link.impairment) };
  const bodyOf = (values: Values) => ({
    // Empty: as it is.
    mtu: numberOf(values.mtu),
    up: values.up as boolean,
    impairment: impairmentOf(values),
  });
  const form = useForm<Values>({ name: 'linkPatch', initial, body: bodyOf });
  const save = async (body: object) => {
    const patch = changesOf(bodyOf(initial), body as ReturnType<typeof bodyOf>);
    if (Object.keys(patch).length === 0) return;
    await rest.call('updateLink', { link: String(link.index) }, { body: patch });
    store.refresh();
    toasts.tell(`Link ${link.name} is changed`);
  };
  return (
    <FormDialog
      title={`Settings of link ${link.name}`}
      submit="Save"
      onSubmit={() => form.submit(save)}
      onClose={onClose}
    >
      <p className="muted">
        {link.type.toUpperCase()} to {link.remote}:{link.remotePort}, network {link.network}. Its ends stay
        what they are; for others make another link.
      </p>
      <NumberField form={form} name="mtu" label="MTU, bytes" autoFocus />
      <CheckField
        form={form}
        name="up"
        label="Up"
        hint="Down, it takes no frames; what leads over it stays."
      />
      <ImpairmentFields form={form} of="the link" />
    </FormDialog>
  );
}
