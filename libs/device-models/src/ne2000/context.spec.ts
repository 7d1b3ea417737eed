import { compareSwitched, nothingSeen } from './switch.fixture';

describe('switches after random accesses', () => {
  it('show the guest no difference', () => {
    const seen = nothingSeen();
    for (let seed = 1; seed <= 200; seed++) compareSwitched(seed, seen);
    console.log(seen);
  });
});
