import { associationSeconds } from './association';

it('reads how long each association took', () => {
  expect(associationSeconds('12.34 13.84\n20.00 21.25\n')).toEqual([1.5, 1.25]);
  expect(associationSeconds('')).toEqual([]);
});

it('says what the guest said when that is no such text', () => {
  expect(() => associationSeconds('12.34 13.84\nsh: wpa_supplicant: not found\n')).toThrow('not found');
});
