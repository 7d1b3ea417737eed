import type { NicMode, NicSettings } from '@v3vee/contracts';
import { useApp } from '../../../app-context';
import { CheckField, SelectField } from '../../../forms/fields';
import { changesOf, type Values } from '../../../forms/form-model';
import { impairmentOf, impairmentValues } from '../../../forms/impairment';
import { ImpairmentFields } from '../../../forms/impairment-fields';
import { useForm } from '../../../forms/use-form';
import { FormDialog } from '../../../ui/dialog';

const modes: readonly (readonly [NicMode, string])[] = [
  ['guest-driven', 'guest-driven: an exit for each batch'],
  ['vmm-driven', 'VMM-driven: polled, for throughput'],
  ['adaptive', 'adaptive: by load'],
];

const bodyOf = (values: Values) => ({
  linkUp: values.linkUp as boolean,
  mode: values.mode as NicMode,
  optimisticInterrupts: values.optimisticInterrupts as boolean,
  spoofGuard: values.spoofGuard as boolean,
  impairment: impairmentOf(values),
});

/** What can be changed of a NIC while its VM runs or not. @param nic `net0` @param isCard of a physical card */
export function NicSettingsDialog({
  vm,
  nic,
  settings,
  isCard = false,
  onClose,
}: {
  vm: string;
  nic: string;
  settings: NicSettings;
  isCard?: boolean;
  onClose: () => void;
}) {
  const { rest, store, toasts } = useApp();
  const { mode, optimisticInterrupts, spoofGuard, linkUp, impairment } = settings;
  const initial: Values = { mode, optimisticInterrupts, spoofGuard, linkUp, ...impairmentValues(impairment) };
  const form = useForm<Values>({ name: 'nicSettings', initial, body: bodyOf });
  const save = async (body: object) => {
    const patch = changesOf(bodyOf(initial), body as ReturnType<typeof bodyOf>);
    if (Object.keys(patch).length === 0) return;
    await rest.call('updateNic', { vm, nic }, { body: patch });
    store.refresh();
    toasts.tell(`${vm}/${nic} is changed`);
  };
  return (
    <FormDialog
      title={`Settings of ${vm}/${nic}`}
      submit="Save"
      onSubmit={() => form.submit(save)}
      onClose={onClose}
    >
      <CheckField form={form} name="linkUp" label="Cable plugged in" />
      <CheckField
        form={form}
        name="spoofGuard"
        label="Spoof guard"
        hint="Drops what the guest sends from another address than its own."
      />
      {!isCard && (
        <>
          <SelectField form={form} name="mode" label="Frames are dispatched">
            {modes.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </SelectField>
          <CheckField
            form={form}
            name="optimisticInterrupts"
            label="Optimistic interrupts"
            hint="The guest is told of frames that are on their way already."
          />
        </>
      )}
      <ImpairmentFields form={form} of="the NIC" />
    </FormDialog>
  );
}
