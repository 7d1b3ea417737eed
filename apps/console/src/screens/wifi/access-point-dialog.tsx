import { defaultsOfAccessPoint, type AccessPointValues, bodyOf, initialOf } from './access-point-form';
import type { AccessPoint, Network } from '@v3vee/contracts';
import { wifiChannels } from 'virtual:contract';
import { useApp } from '../../app-context';
import { CheckField, Group, NumberField, SecretField, SelectField, TextField } from '../../forms/fields';
import { changesOf } from '../../forms/form-model';
import { useForm } from '../../forms/use-form';
import { FormDialog } from '../../ui/dialog';

const bands = [
  ['2.4 GHz', wifiChannels.filter(channel => channel <= 13)],
  ['5 GHz', wifiChannels.filter(channel => channel > 13)],
] as const;

/** @param accessPoint that is changed; undefined: one is made */
export function AccessPointDialog({
  accessPoint,
  networks,
  onClose,
}: {
  accessPoint?: AccessPoint;
  networks: readonly Network[];
  onClose: () => void;
}) {
  const { rest, store, toasts } = useApp();
  const initial = initialOf(accessPoint, networks[0]?.name);
  const isNew = accessPoint === undefined;
  const form = useForm<AccessPointValues>({
    name: isNew ? 'accessPoint' : 'accessPointPatch',
    initial,
    body: values => bodyOf(values, accessPoint),
    own: ({ secured, passphrase }) =>
      secured === 'wpa2-psk' && passphrase === '' && accessPoint?.security !== 'wpa2-psk'
        ? [{ path: 'passphrase', message: 'WPA2 needs a passphrase' }]
        : [],
    codes: { ACCESS_POINT_EXISTS: 'name', NETWORK_NOT_FOUND: 'network' },
  });
  const { values } = form;
  const create = async (body: object) => {
    const { name } = await rest.call('createAccessPoint', {}, { body: body as never });
    toasts.tell(`Access point ${name} is there`);
  };
  const change = async ({ name }: AccessPoint, body: object) => {
    const patch = changesOf(bodyOf(initial, accessPoint), body);
    if (Object.keys(patch).length === 0) return;
    await rest.call('updateAccessPoint', { accessPoint: name }, { body: patch });
    toasts.tell(`Access point ${name} is changed`);
  };
  const send = (body: object) =>
    (accessPoint ? change(accessPoint, body) : create(body)).finally(() => store.refresh());
  return (
    <FormDialog
      title={accessPoint ? `Access point ${accessPoint.name}` : 'New access point'}
      submit={isNew ? 'Create' : 'Save'}
      isWide
      onSubmit={() => form.submit(send)}
      onClose={onClose}
    >
      <div className="fields">
        {isNew && <TextField form={form} name="name" label="Name" placeholder="home" autoFocus />}
        <TextField form={form} name="ssid" label="SSID" hint="What stations see; 1 to 32 bytes." />
        <SelectField form={form} name="network" label="Network" hint="Its stations are on this.">
          {networks.length === 0 && <option value="">there is none</option>}
          {networks.map(({ id, name }) => (
            <option key={id}>{name}</option>
          ))}
        </SelectField>
      </div>
      <div className="fields">
        <SelectField form={form} name="secured" label="Security">
          <option value="open">open</option>
          <option value="wpa2-psk">WPA2 (passphrase)</option>
        </SelectField>
        {values.secured === 'wpa2-psk' && (
          <SecretField
            form={form}
            name="passphrase"
            label="Passphrase"
            placeholder={accessPoint?.security === 'wpa2-psk' ? 'as it is' : undefined}
            hint="8 to 63 characters; it is never shown again."
          />
        )}
      </div>
      <Group title="Radio">
        <div className="fields">
          <SelectField form={form} name="channel" label="Channel">
            {bands.map(([band, channels]) => (
              <optgroup key={band} label={band}>
                {channels.map(channel => (
                  <option key={channel}>{channel}</option>
                ))}
              </optgroup>
            ))}
          </SelectField>
          <NumberField
            form={form}
            name="txPower"
            label="Power, dBm"
            placeholder={defaultsOfAccessPoint.txPower}
          />
          <NumberField
            form={form}
            name="beaconInterval"
            label="Beacon interval, TU"
            placeholder={defaultsOfAccessPoint.beaconInterval}
          />
        </div>
        <CheckField form={form} name="hidden" label="Hidden" hint="Its beacons do not tell the SSID." />
      </Group>
      <Group title="Place">
        <CheckField
          form={form}
          name="isPlaced"
          label="It is somewhere on the map"
          hint="How well it is heard then depends on the distance; nowhere, all hear it alike."
        />
        {values.isPlaced && (
          <div className="fields">
            <NumberField form={form} name="position[0]" label="East, m" />
            <NumberField form={form} name="position[1]" label="North, m" />
          </div>
        )}
      </Group>
      {!isNew && (accessPoint?.stations.length ?? 0) > 0 && (
        <p className="note">
          Stations are thrown off where SSID, security, channel or network change; they come back if they can.
        </p>
      )}
    </FormDialog>
  );
}
