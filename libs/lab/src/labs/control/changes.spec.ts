import { delays, missing, type Logged } from './changes';

const logged: Logged[] = [
  { resourceVersion: '8', kind: 'operation', name: 'o', at: 1_000 },
  { resourceVersion: '9', kind: 'vm', name: 'a', at: 1_010 },
  { resourceVersion: '10', kind: 'vm', name: 'a', at: 1_020 },
  { resourceVersion: '11', kind: 'vm', name: 'b', at: 1_030 },
];
const line = (resourceVersion: string, at = 0) => ({ resourceVersion, name: '', at });

describe('what watches are to tell', () => {
  it('is each event, of a watch of events', () => {
    expect(
      missing({ list: 'events', lines: ['8', '9', '10', '11'].map(each => line(each)) }, logged),
    ).toEqual([]);
    expect(missing({ list: 'events', lines: [line('8'), line('11')] }, logged)).toEqual([
      logged[1],
      logged[2],
    ]);
  });

  it('is the last change of each VM, of a watch of VMs', () => {
    expect(missing({ list: 'vms', lines: [line('10'), line('11')] }, logged)).toEqual([]);
    // As text "9" would be after "10".
    expect(missing({ list: 'vms', lines: [line('9'), line('11')] }, logged)).toEqual([logged[2]]);
    expect(missing({ list: 'vms', lines: [] }, logged)).toEqual([logged[2], logged[3]]);
  });

  it('is late by the time since the log had it; other lines do not count', () => {
    expect(delays({ lines: [line('10', 1_050), line('11', 1_031), line('99', 5)] }, logged)).toEqual([30, 1]);
  });
});
