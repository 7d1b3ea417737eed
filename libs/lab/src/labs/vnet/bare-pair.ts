import { BareGuest } from '@v3vee/machine';
import { debianImage } from '../../guest-image';
import type { LabContext } from '../../lab';
import { SerialShell } from '../../serial-shell';
import type { Pair, Station } from './station';
import { setUpNetwork } from './tools';

/** Two guests on the engine as it comes, with its own virtio card; frames go straight from one thread to the other. */
export async function barePair(context: LabContext): Promise<Pair> {
  const { image, firmware } = await debianImage();
  const cmdline = `tsc=reliable panic=-1 ${image.cmdline}`;
  const guests: BareGuest[] = [];
  const boot = async (index: number): Promise<Station> => {
    const shell: SerialShell = new SerialShell(text => guest.writeConsole(text));
    const guest: BareGuest = await BareGuest.boot(
      { memoryMiB: 64, firmware, image: { ...image, cmdline } },
      data => shell.heard(data),
      frame => guests[1 - index]?.sendFrame(frame),
    );
    guests[index] = guest;
    context.cleanup(() => guest.terminate());
    const ip = `10.99.2.${index + 1}`;
    await shell.ready(context.signal);
    await shell.run(setUpNetwork(ip));
    return {
      name: `engine ${index + 1}`,
      ip,
      mac: '', // the engine draws it
      sh: command => shell.run(command),
      run: () => guest.run(),
      pause: () => guest.pause(),
    };
  };
  const [client, server] = await Promise.all([boot(0), boot(1)]);
  return { client, server };
}
