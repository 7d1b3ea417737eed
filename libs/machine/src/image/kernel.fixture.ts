/** The least that passes for a 32-bit Linux kernel: one segment at 16 MiB and the banner. */
export function makeVmlinux(): Buffer {
  const text = Buffer.from('\0Linux version 6.1.0-test (nobody@localhost) #1\n\0');
  const elf = Buffer.alloc(84 + text.length);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  elf.writeUInt16LE(2, 16);
  elf.writeUInt16LE(3, 18);
  elf.writeUInt32LE(0x1000000, 24);
  elf.writeUInt32LE(52, 28);
  elf.writeUInt16LE(32, 42);
  elf.writeUInt16LE(1, 44);
  [1, 0, 0xc1000000, 0x1000000, elf.length, elf.length].forEach((value, i) =>
    elf.writeUInt32LE(value, 52 + i * 4),
  );
  elf.set(text, 84);
  return elf;
}

/** A bzImage around a compressed kernel. */
export function makeBzImage(payload: Uint8Array, xloadflags = 0): Buffer {
  const image = Buffer.alloc(1024 + payload.length + 4);
  image[0x1f1] = 1;
  image.writeUInt16LE(0xaa55, 0x1fe);
  image.writeUInt16LE(0x6aeb, 0x200);
  image.write('HdrS', 0x202, 'latin1');
  image.writeUInt16LE(0x20f, 0x206);
  image.writeUInt16LE(xloadflags, 0x236);
  image.writeUInt32LE(payload.length + 4, 0x24c);
  image.set(payload, 1024);
  return image;
}

/** A cpio archive of files, in the newc format. */
export function makeCpio(files: Record<string, string>): Buffer {
  const entry = (name: string, data: string): string => {
    const fields = [1, 0o100644, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length + 1, 0];
    const head = `070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
    return padded(head) + padded(data);
  };
  const padded = (text: string): string => text + '\0'.repeat((4 - (text.length % 4)) % 4);
  const all = [...Object.entries(files), ['TRAILER!!!', ''] as const];
  return Buffer.from(all.map(([name, data]) => entry(name, data)).join(''), 'latin1');
}
