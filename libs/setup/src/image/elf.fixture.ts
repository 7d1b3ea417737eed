/** Makes small i386 ELF files: one PT_LOAD over everything, a PT_DYNAMIC with the given DT_NEEDED names. */
export function makeElf({ needed = [], text = '' }: { needed?: string[]; text?: string } = {}): Buffer {
  const base = 0x1000;
  const headers = 52 + 2 * 32;
  const strings = Buffer.from(`\0${needed.map(name => `${name}\0`).join('')}`);
  const dynamicAt = headers + strings.length + ((4 - (strings.length % 4)) % 4);
  let name = 1;
  const tags = needed.map(library => {
    const tag: [number, number] = [1, name];
    name += library.length + 1;
    return tag;
  });
  tags.push([5, base + headers], [0, 0]);
  const size = dynamicAt + tags.length * 8 + text.length;
  const elf = Buffer.alloc(size);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  elf.writeUInt16LE(2, 16);
  elf.writeUInt16LE(3, 18);
  elf.writeUInt32LE(base, 24);
  elf.writeUInt32LE(52, 28);
  elf.writeUInt16LE(32, 42);
  elf.writeUInt16LE(2, 44);
  const segment = (at: number, values: number[]): void =>
    values.forEach((value, i) => elf.writeUInt32LE(value, at + i * 4));
  segment(52, [1, 0, base, base, size, size]);
  segment(84, [2, dynamicAt, base + dynamicAt, base + dynamicAt, tags.length * 8, tags.length * 8]);
  elf.set(strings, headers);
  tags.flat().forEach((value, i) => elf.writeUInt32LE(value, dynamicAt + i * 4));
  elf.write(text, size - text.length, 'latin1');
  return elf;
}
