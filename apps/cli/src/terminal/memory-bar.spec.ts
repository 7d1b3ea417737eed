import { memoryBar } from './memory-bar';

const MIB = 2 ** 20;
const region = (start: number, length: number, owner: string | null) => ({
  ...{ start: start * MIB, length: length * MIB, type: 'umem', owner, vm: null },
});

it('draws whose memory it is, and adds up', () => {
  const regions = [
    region(0, 16, 'kitten'),
    region(16, 64, 'vm/a'),
    region(80, 16, null),
    region(96, 16, 'job/1/0'),
    region(112, 16, null),
  ];
  expect(memoryBar({ bytes: 128 * MIB, regions }, 8)).toBe(
    '[KGGGG.N.] 128 MiB\nK kernel 16.0 MiB   G guest 64.0 MiB   N native 16.0 MiB   . free 32.0 MiB',
  );
});
