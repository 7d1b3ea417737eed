/**
 * The guest program `renew`, 300 bytes of i386 code. For every line `SECONDS NANOSECONDS BITS TEXT` on standard input
 * it sets the clock (clock_settime(2), not if SECONDS is 0), adds the line to the kernel's random pool, counted as
 * BITS of entropy, and makes the generator start anew from the pool (random(4), not if BITS is 0). It answers each
 * line with `0`, or `1` where a call failed.
 *
 * It exists because guests that start from one template would draw the same random numbers for up to a minute:
 * writing to /dev/urandom reaches the pool, not the running generator, and no program of Debian 12 makes the calls
 * (busybox has seedrng from 1.36 on). It waits for its lines since before the template was taken: starting a program
 * costs the guest some tens of milliseconds, and busybox's date knows no fractions. So few instructions need no
 * compiler at set-up.
 */
export function renewProgram(): Uint8Array {
  const zero = '0'.charCodeAt(0);
  return link([
    ...[0xb8, u32(5), 0xbb, { address: 'path' }, 0xb9, u32(2), 0x31, 0xd2, ...systemCall], // open("/dev/urandom", O_RDWR)
    ...[0x89, 0xc5], // mov ebp, eax: its descriptor
    { label: 'next' },
    ...[0xb8, u32(3), 0x31, 0xdb, 0xb9, u32(pool + 8), 0xba, u32(512), ...systemCall], // read(0, pool.buf, 512)
    ...[0x85, 0xc0, 0x0f, 0x8e, { call: 'end' }], // test eax, eax; jle end
    ...[0xa3, u32(pool + 4)], // pool.buf_size = eax
    ...[0xbe, u32(pool + 8)], // mov esi, pool.buf
    ...[0xe8, { call: 'parse' }, 0xa3, u32(time)], // time.tv_sec
    ...[0xe8, { call: 'parse' }, 0xa3, u32(time + 8)], // time.tv_nsec
    ...[0xe8, { call: 'parse' }, 0xa3, u32(pool)], // pool.entropy_count
    ...[0x31, 0xff], // xor edi, edi: no error yet
    ...[0x83, 0x3d, u32(time), 0, 0x74, { jump: 'seed' }], // cmp [time], 0; je seed
    ...[0xb8, u32(404), 0x31, 0xdb, 0xb9, u32(time), ...systemCall], // clock_settime64(CLOCK_REALTIME, time)
    ...[0x09, 0xc7], // or edi, eax
    { label: 'seed' },
    ...[0x83, 0x3d, u32(pool), 0, 0x74, { jump: 'answer' }], // cmp [pool], 0; je answer
    ...[0xb8, u32(54), 0x89, 0xeb, 0xb9, u32(0x40085203), 0xba, u32(pool), ...systemCall], // ioctl(ebp, RNDADDENTROPY)
    ...[0x09, 0xc7],
    ...[0xb8, u32(54), 0x89, 0xeb, 0xb9, u32(0x5207), 0x31, 0xd2, ...systemCall], // ioctl(ebp, RNDRESEEDCRNG)
    ...[0x09, 0xc7],
    { label: 'answer' },
    ...[0x31, 0xc0, 0x85, 0xff, 0x0f, 0x95, 0xc0], // xor eax, eax; test edi, edi; setnz al
    ...[0x0d, u32(zero | (0x0a << 8)), 0xa3, u32(reply)], // '0' or '1', and a line end
    ...[0xb8, u32(4), 0xbb, u32(1), 0xb9, u32(reply), 0xba, u32(2), ...systemCall], // write(1, reply, 2)
    ...[0xe9, { call: 'next' }], // jmp next
    { label: 'end' },
    ...[0xb8, u32(1), 0x31, 0xdb, ...systemCall], // exit(0)
    { label: 'parse' }, // a decimal number at esi and the byte behind it → eax
    ...[0x31, 0xc0], // xor eax, eax
    { label: 'digit' },
    ...[0x0f, 0xb6, 0x0e, 0x46], // movzx ecx, byte [esi]; inc esi
    ...[0x83, 0xe9, zero, 0x83, 0xf9, 9, 0x77, { jump: 'parsed' }], // sub ecx, '0'; cmp ecx, 9; ja parsed
    ...[0x6b, 0xc0, 10, 0x01, 0xc8, 0xeb, { jump: 'digit' }], // imul eax, 10; add eax, ecx; jmp digit
    { label: 'parsed' },
    0xc3, // ret
    { label: 'path' },
    ...Buffer.from('/dev/urandom\0'),
  ]);
}

const base = 0x08048000;
const headerSize = 52 + 2 * 32;
/** Zeroed memory behind the code: struct rand_pool_info, struct __kernel_timespec, the answer. */
const pool = base + 0x800;
const time = base + 0xc00;
const reply = base + 0xc20;
const systemCall = [0xcd, 0x80]; // int 0x80

/** A byte, some bytes, a place, its distance in one byte, its distance in four, or its address. */
type Item = number | number[] | { label: string } | { jump: string } | { call: string } | { address: string };

/** Resolves the labels and puts an ELF header in front (System V gABI: one segment, readable, writable, executable). */
function link(items: readonly Item[]): Uint8Array {
  const labels = new Map<string, number>();
  let size = 0;
  for (const item of items) {
    if (typeof item === 'object' && 'label' in item) labels.set(item.label, size);
    else size += sizeOf(item);
  }
  const place = (label: string): number => {
    const offset = labels.get(label);
    if (offset === undefined) throw new Error(`no label ${label}`);
    return offset;
  };
  const code: number[] = [];
  for (const item of items) {
    if (typeof item === 'number') code.push(item);
    else if (Array.isArray(item)) code.push(...item);
    else if ('jump' in item) code.push(shortDistance(place(item.jump) - (code.length + 1)));
    else if ('call' in item) code.push(...u32(place(item.call) - (code.length + 4)));
    else if ('address' in item) code.push(...u32(base + headerSize + place(item.address)));
  }
  const end = headerSize + code.length;
  return Uint8Array.from([
    ...[0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], // ELF, 32-bit, little-endian
    ...[...u16(2), ...u16(3), ...u32(1)], // ET_EXEC, EM_386, EV_CURRENT
    ...[...u32(base + headerSize), ...u32(52), ...u32(0), ...u32(0)], // entry, program headers, sections, flags
    ...[...u16(52), ...u16(32), ...u16(2), ...u16(0), ...u16(0), ...u16(0)],
    ...[...u32(1), ...u32(0), ...u32(base), ...u32(base)], // PT_LOAD, offset, addresses
    ...[...u32(end), ...u32(0x1000), ...u32(7), ...u32(0x1000)], // sizes, rwx, alignment
    ...[...u32(0x6474e551), ...u32(0), ...u32(0), ...u32(0), ...u32(0), ...u32(0), ...u32(6), ...u32(4)], // PT_GNU_STACK, rw
    ...code,
  ]);
}

function sizeOf(item: Exclude<Item, { label: string }>): number {
  if (typeof item === 'number' || 'jump' in (item as object)) return 1;
  return Array.isArray(item) ? item.length : 4;
}

function shortDistance(distance: number): number {
  if (distance < -128 || distance > 127) throw new Error(`a short jump cannot go ${distance} bytes`);
  return distance & 255;
}

function u16(value: number): number[] {
  return [value & 255, (value >>> 8) & 255];
}

function u32(value: number): number[] {
  return [...u16(value & 0xffff), ...u16(value >>> 16)];
}
