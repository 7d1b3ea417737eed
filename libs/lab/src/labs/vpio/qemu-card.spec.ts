import { bounded } from './qemu-card';

const station = (sh: (command: string) => Promise<string>) => ({
  ...{ name: 'QEMU 1', ip: '10.99.1.1', mac: '', sh },
  run: async () => undefined,
  pause: async () => undefined,
});

describe('a guest that may hang', () => {
  it('answers as it is', async () => {
    await expect(bounded(station(async command => `did ${command}`)).sh('true')).resolves.toBe('did true');
  });

  it('fails when a command does not end', async () => {
    const hangs = bounded(
      station(() => new Promise(() => undefined)),
      1,
    );
    await expect(hangs.sh('iperf3')).rejects.toThrow('QEMU 1 did not end "iperf3" within 0.001 s');
  });
});
