import { join } from 'node:path';
import { ensureTemplate, startFromTemplate } from '@v3vee/machine';
import { resolvePaths } from '@v3vee/setup';
import { debianImage } from '../../guest-image';
import { EchoTest } from './echo';
import type { Pace } from './open-loop';

/**
 * Entry of a process with one guest as Palacios has it, whose serial device is typed at directly: what an echo takes
 * without Palacios, bus and gateway. It ends with the lab that forked it.
 */

const MEMORY_MIB = 64;
const MAC = '02:00:0a:63:00:01';

async function serve(): Promise<void> {
  const { image, firmware } = await debianImage();
  const shape = { image, firmware, memoryMiB: MEMORY_MIB };
  const template = await ensureTemplate({
    ...shape,
    imageDigest: image.manifest.digest,
    nicCount: 1,
    dir: join(resolvePaths().cache, 'templates'),
  });
  const guest = await startFromTemplate(
    template,
    { ...shape, nics: [{ mac: MAC, mtu: 1500 }] },
    { hostname: 'serial', nics: [{ mac: MAC, mtu: 1500 }] },
  );
  guest.onExit(({ reason }) => {
    console.error(`the guest ended: ${reason}`);
    process.exit(1);
  });
  const test = new EchoTest({
    write: text => guest.writeConsole(text),
    onOutput: heard => guest.onConsole(heard),
  });
  process.on('message', (pace: Pace) => void test.run(pace).then(load => process.send?.(load)));
  process.send?.('ready');
}

if (process.send) {
  process.on('disconnect', () => process.exit(0));
  serve().catch((thrown: unknown) => {
    console.error(thrown);
    process.exit(1);
  });
}
