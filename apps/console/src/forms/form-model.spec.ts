import { changesOf, numberOf, placeErrors, shown, textOf } from './form-model';

describe('forms', () => {
  it('take an empty field for absent, and what is no number for none', () => {
    expect([numberOf(''), numberOf(' '), numberOf('12.5'), numberOf('0')]).toEqual([
      undefined,
      undefined,
      12.5,
      0,
    ]);
    expect(numberOf('twelve')).toBeNaN();
    expect([textOf(' '), textOf(' lan ')]).toEqual([undefined, 'lan']);
    expect([shown(null), shown(0)]).toEqual(['', '0']);
  });

  it('name what was changed, and nothing else', () => {
    const before = { mtu: 1500, up: true, impairment: null, position: [1, 2] };
    expect(changesOf(before, { ...before, position: [1, 2] })).toEqual({});
    expect(changesOf<object>(before, { mtu: 1400, up: true, impairment: undefined })).toEqual({ mtu: 1400 });
    expect(changesOf<object>({ position: [1, 2] }, { position: null })).toEqual({ position: null });
  });

  it('show an error where it stands, also within a list and for a whole', () => {
    const at = (path: string) => ({ path, message: 'wrong' });
    const names = ['network', 'ip', 'position[0]', 'position[1]'];
    const errors = [at('nics[1].ip'), at('network'), at('position'), at('nics[0].ip')];
    expect(placeErrors(errors, names, 'nics[1].')).toEqual({
      placed: [at('ip'), at('network'), at('position[0]')],
      others: [at('nics[0].ip')],
    });
  });
});
