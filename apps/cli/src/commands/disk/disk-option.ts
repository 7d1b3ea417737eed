import { V3Error } from '@v3vee/contracts';

const keys = ['name', 'size', 'image', 'mount'] as const;
const flags = ['readOnly', 'root', 'cdrom'] as const;
export type DiskOption = Partial<
  Record<(typeof keys)[number], string | number> & Record<(typeof flags)[number], boolean>
>;

/** What `--disk` takes. Split only: what it says is checked with the whole definition. */
export function addDisk(text: string, before: DiskOption[]): DiskOption[] {
  const disk: DiskOption = {};
  for (const part of text.split(',')) {
    const [key, value] = part.split(/=(.*)/s);
    const flag = flags.find(known => known === key);
    const name = keys.find(known => known === key);
    if (flag && value === undefined) disk[flag] = true;
    else if (name && value && !(name in disk))
      disk[name] = /^\d+$/.test(value) && name === 'size' ? Number(value) : value;
    else
      throw new V3Error(
        'USAGE',
        `--disk "${text}": "${part}" is not understood; write name=data,size=256MiB or name=data,image=NAME, and then ` +
          'mount=PATH, readOnly, cdrom or root as you like',
      );
  }
  return [...before, disk];
}
