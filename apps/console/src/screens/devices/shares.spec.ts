import type { DmmDevice } from '@v3vee/contracts';
import { accessesOf } from './shares';

describe('accesses of a device', () => {
  it('are summed over its registers', () => {
    const registers = [
      { register: 'CR', direction: 'read', open: 60, shadow: 0, exit: 0 },
      { register: 'CR', direction: 'write', open: 20, shadow: 15, exit: 5 },
    ];
    const account = { registers } as NonNullable<DmmDevice['account']>;
    expect(accessesOf(account)).toEqual({ open: 80, shadow: 15, exit: 5, all: 100, hooked: 0.05 });
  });

  it('are none where nobody tells', () => expect(accessesOf(null)).toMatchObject({ all: 0, hooked: 0 }));
});
