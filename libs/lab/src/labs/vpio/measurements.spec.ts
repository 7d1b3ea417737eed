import type { Pair } from '../vnet/station';
import { measurements, slow, tcpStream, warmUp } from './measurements';

const report = (mbit: number) => JSON.stringify({ end: { sum_received: { bits_per_second: mbit * 1e6 } } });

/** A guest whose streams have these speeds, one after the other, and that keeps what it was told. */
function pairWith(speeds: number[]) {
  const commands: string[] = [];
  const sh = async (command: string) => {
    commands.push(command);
    return command.startsWith('ping') ? 'seq=0 time=2.5 ms\nseq=1 time=1.5 ms\n' : report(speeds.shift()!);
  };
  const station = {
    name: 'p1',
    ip: '10.10.0.11',
    mac: '',
    run: async () => undefined,
    pause: async () => undefined,
  };
  const pair: Pair = { client: { ...station, sh }, server: { ...station, ip: '10.10.0.21', sh } };
  return { pair, commands };
}

describe('measurements of a card', () => {
  it('ask the server for a stream in either direction', async () => {
    const { pair, commands } = pairWith([9, 8]);
    expect(await tcpStream(pair, 'tx', { streamSeconds: 2, stream: '' })).toBeCloseTo(9);
    expect(await tcpStream(pair, 'rx', slow, 5202)).toBeCloseTo(8);
    expect(commands).toEqual([
      'iperf3 -J -i 0 -c 10.10.0.21 -t 2',
      'iperf3 -J -i 0 -c 10.10.0.21 -t 3 -R -w 16K -l 1400 -p 5202',
    ]);
  });

  it('are the round-trip time and the goodput both ways', async () => {
    const { pair, commands } = pairWith([30, 20]);
    const values = [];
    for (const { measure } of measurements) values.push(...(await measure(pair)));
    expect(values).toEqual([1.5, 30, 20]);
    expect(commands[0]).toBe('ping -A -c 100 10.10.0.21');
  });

  it('begin when streams do not get faster any more', async () => {
    const { pair, commands } = pairWith([5, 10, 10.5, 20, 19]);
    await warmUp(pair);
    expect(commands.filter(command => command.startsWith('iperf3'))).toHaveLength(5);
    const { pair: faster, commands: most } = pairWith([1, 2, 3, 4, 5, 1, 1]);
    await warmUp(faster);
    expect(most).toHaveLength(1 + 5 + 2);
  });
});
