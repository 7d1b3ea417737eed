import type { Network, Vm } from '@v3vee/contracts';
import { useApp } from '../../../app-context';
import { SelectField, TextField } from '../../../forms/fields';
import { textOf } from '../../../forms/form-model';
import { useForm } from '../../../forms/use-form';
import { FormDialog } from '../../../ui/dialog';
import { indexOfNic, withMovedNic, withNic, type NicSpecs } from './definition';

interface OfVm {
  vm: Vm;
  /** Of the VM's project. */
  networks: readonly Network[];
  onClose: () => void;
}

function NetworkOptions({ networks }: { networks: readonly Network[] }) {
  return networks.map(({ id, name, subnet }) => (
    <option key={id} value={name}>
      {subnet === null ? name : `${name} (${subnet})`}
    </option>
  ));
}

/** @param network that is chosen */
const exampleOf = (networks: readonly Network[], network: string): string => {
  const subnet = networks.find(({ name }) => name === network)?.subnet;
  return subnet?.replace(/\.0\/(\d+)$/, '.14/$1') ?? '10.10.0.14/24';
};

export function AddNicDialog({ vm, networks, onClose }: OfVm) {
  const { rest, store, toasts } = useApp();
  const { index } = withNic(vm.nics, { network: '' });
  const form = useForm({
    name: 'nic',
    initial: { network: networks[0]?.name ?? '', ip: '', mac: '' },
    body: values => ({ network: values.network, ip: textOf(values.ip), mac: textOf(values.mac) }),
    codes: { NETWORK_NOT_FOUND: 'network', MAC_IN_USE: 'mac', IP_IN_USE: 'ip' },
    prefix: `nics[${index}].`,
  });
  const add = async (body: object) => {
    const { nics } = await rest.call('getVm', { vm: vm.id });
    const { specs } = withNic(nics, body as NicSpecs[number]);
    await rest.call('updateVm', { vm: vm.id }, { body: { nics: specs } });
    store.refresh();
    toasts.tell(`${vm.name} has another NIC`);
  };
  return (
    <FormDialog
      title={`Add a NIC to ${vm.name}`}
      submit="Add"
      onSubmit={() => form.submit(add)}
      onClose={onClose}
    >
      <SelectField form={form} name="network" label="Network" autoFocus>
        <NetworkOptions networks={networks} />
      </SelectField>
      <TextField
        form={form}
        name="ip"
        label="Address"
        placeholder={exampleOf(networks, form.values.network)}
        hint="With its prefix, set in the guest at its start. Left empty, the guest does as it likes."
      />
      <TextField form={form} name="mac" label="MAC address" placeholder="chosen by the gateway" />
    </FormDialog>
  );
}

/** Its cable goes to another network. */
export function MoveNicDialog({ vm, networks, index, onClose }: OfVm & { index: number }) {
  const { rest, store, toasts } = useApp();
  const nic = vm.nics[index] as Vm['nics'][number];
  const others = networks.filter(({ name }) => name !== nic.network);
  const form = useForm({
    name: 'nic',
    initial: { network: others[0]?.name ?? '', ip: '' },
    body: values => ({ network: values.network, ip: textOf(values.ip) }),
    codes: { NETWORK_NOT_FOUND: 'network', IP_IN_USE: 'ip' },
    prefix: `nics[${index}].`,
  });
  const move = async (body: object) => {
    const now = await rest.call('getVm', { vm: vm.id });
    const to = body as { network: string; ip?: string };
    const nics = withMovedNic(now.nics, indexOfNic(now, nic.mac), to);
    await rest.call('updateVm', { vm: vm.id }, { body: { nics } });
    store.refresh();
    toasts.tell(`${vm.name}/net${index} is on ${form.values.network}`);
  };
  return (
    <FormDialog
      title={`Move ${vm.name}/net${index} to another network`}
      submit="Move"
      isReady={others.length > 0}
      whyNot="There is no other network"
      onSubmit={() => form.submit(move)}
      onClose={onClose}
    >
      <p className="muted">
        It is on {nic.network}, as {nic.mac}. Its MAC address and its settings stay.
      </p>
      <SelectField form={form} name="network" label="Network" autoFocus>
        {others.length === 0 && <option value="">there is no other</option>}
        <NetworkOptions networks={others} />
      </SelectField>
      <TextField
        form={form}
        name="ip"
        label="Address there"
        placeholder={exampleOf(networks, form.values.network)}
        hint="With its prefix. Left empty, the guest does as it likes."
      />
    </FormDialog>
  );
}
