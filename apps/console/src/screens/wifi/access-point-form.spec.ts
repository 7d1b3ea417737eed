import { accessPointPatch, accessPointSpec, type AccessPoint } from '@v3vee/contracts';
import { changesOf } from '../../forms/form-model';
import { bodyOf, initialOf, type AccessPointValues } from './access-point-form';

const present = {
  name: 'home',
  ssid: 'Home',
  security: 'wpa2-psk',
  channel: 36,
  network: 'lan',
  position: [3, -4],
  txPower: 17,
  beaconInterval: 100,
  hidden: true,
} as unknown as AccessPoint;

describe('an access point in a form', () => {
  const initial = initialOf(present);
  const changes = (typed: Partial<AccessPointValues>) =>
    changesOf(bodyOf(initial, present), bodyOf({ ...initial, ...typed } as AccessPointValues, present));

  it('is unchanged while nothing is typed, its passphrase too', () => {
    expect(changes({})).toEqual({});
  });

  it('names what was changed', () => {
    expect(changes({ ssid: 'Home 2', 'position[0]': '5.5' })).toEqual({
      ssid: 'Home 2',
      position: [5.5, -4],
    });
    expect(changes({ isPlaced: false })).toEqual({ position: null });
    expect(changes({ passphrase: 'another one' })).toEqual({ passphrase: 'another one' });
    expect(changes({ secured: 'open', passphrase: 'not meant' })).toEqual({ passphrase: null });
  });

  it('is taken by the contract', () => {
    const made = { ...initialOf(undefined, 'lan'), name: 'new', ssid: 'New', passphrase: 'long enough' };
    expect(accessPointSpec.parse(bodyOf(made, undefined))).toEqual({
      name: 'new',
      ssid: 'New',
      network: 'lan',
      channel: 6,
      passphrase: 'long enough',
      position: [0, 0],
      hidden: false,
    });
    expect(accessPointPatch.safeParse(bodyOf(initial, present)).success).toBe(true);
    const nowhere = bodyOf({ ...initial, 'position[1]': '' }, present);
    expect(accessPointPatch.safeParse(nowhere).success).toBe(false);
  });
});
