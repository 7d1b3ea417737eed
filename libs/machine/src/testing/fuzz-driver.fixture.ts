import { dword, jump, label, program, type Code } from './i386.fixture';

/** Where a card's registers are: its first port, or the file by which Linux lets a process map its memory. */
export type Registers = { port: number } | { file: string };

/**
 * A driver that knows nothing: a process in the guest that reads and writes a card's registers, in widths, at offsets
 * and with values that a seed decides. What it does never depends on what it reads: a seed names one sequence.
 */
export interface FuzzOptions {
  at: Registers;
  /** Bytes of its window. */
  window: number;
  seed: number;
  /** Accesses. */
  count: number;
  /** Offsets are multiples of the width; else any that leaves the access in the window. */
  aligned: boolean;
  /** Bytes of the guest's RAM, a power of two: half of the values are addresses there. */
  memorySize: number;
}

const [EAX_EXIT, EAX_OPEN, EAX_IOPL, EAX_MMAP2] = [1, 5, 110, 192].map(dword) as [
  number[],
  number[],
  number[],
  number[],
];
const [O_RDWR, O_SYNC] = [0x2, 0x101000];
const CALL = [0xe8];
const JMP = [0xe9];
const [JZ, JNZ, JB, JA] = [
  [0x0f, 0x84],
  [0x0f, 0x85],
  [0x0f, 0x82],
  [0x0f, 0x87],
];

/** Ends with 0, or with 1 if the kernel does not let it at the registers. */
export const fuzzProgram = ({ at, window, seed, count, aligned, memorySize }: FuzzOptions): Uint8Array =>
  program([
    ...('port' in at ? portBase(at.port) : mappedBase(at.file)),
    [0xbe, ...dword(seed)], // mov esi, seed
    [0xbf, ...dword(count)], // mov edi, count
    label('next'),
    jump(CALL, 'draw'),
    [0x31, 0xd2, 0xb9, ...dword(3), 0xf7, 0xf1], // xor edx, edx; mov ecx, 3; div ecx
    [0x89, 0xd1, 0xbd, ...dword(1), 0xd3, 0xe5], // mov ecx, edx; mov ebp, 1; shl ebp, cl: the width
    jump(CALL, 'draw'),
    [0xbb, ...dword(window + 1), 0x29, 0xeb], // mov ebx, window + 1; sub ebx, ebp
    [0x31, 0xd2, 0xf7, 0xf3], // xor edx, edx; div ebx: the offset
    aligned ? [0xf7, 0xdd, 0x21, 0xea] : [], // neg ebp; and edx, ebp
    [0x03, 0x14, 0x24], // add edx, [esp]: where the registers begin
    jump(CALL, 'draw'),
    [0x89, 0xc3, 0xc1, 0xe3, 0x10], // mov ebx, eax; shl ebx, 16
    jump(CALL, 'draw'),
    [0x09, 0xc3], // or ebx, eax: the value
    jump(CALL, 'draw'),
    [0xa8, 0x02], // test al, 2: half are addresses in RAM
    jump(JZ, 'kept'),
    [0x81, 0xe3, ...dword(memorySize - 1)], // and ebx, memorySize - 1
    jump(JMP, 'valued'),
    label('kept'),
    [0xa8, 0x01], // test al, 1: a quarter are bytes
    jump(JZ, 'valued'),
    [0x0f, 0xb6, 0xdb], // movzx ebx, bl
    label('valued'),
    [0xa8, 0x04, 0x89, 0xd8], // test al, 4; mov eax, ebx
    jump(JZ, 'read'),
    ...('port' in at
      ? access([0xee], [0x66, 0xef], [0xef], 'write') // out dx, al; out dx, ax; out dx, eax
      : access([0x88, 0x02], [0x66, 0x89, 0x02], [0x89, 0x02], 'write')), // mov [edx], al; ax; eax
    label('read'),
    ...('port' in at
      ? access([0xec], [0x66, 0xed], [0xed], 'read') // in al, dx; in ax, dx; in eax, dx
      : access([0x8a, 0x02], [0x66, 0x8b, 0x02], [0x8b, 0x02], 'read')), // mov al, [edx]; ax; eax
    label('done'),
    [0x4f], // dec edi
    jump(JNZ, 'next'),
    [0x31, 0xdb, 0xb8, ...EAX_EXIT, 0xcd, 0x80], // exit(0)
    label('refused'),
    [0xbb, ...dword(1), 0xb8, ...EAX_EXIT, 0xcd, 0x80], // exit(1)
    // The upper half of a linear congruential generator (Numerical Recipes, 2nd ed., section 7.1), in eax.
    label('draw'),
    [0x69, 0xf6, ...dword(1664525)], // imul esi, esi, 1664525
    [0x81, 0xc6, ...dword(1013904223)], // add esi, 1013904223
    [0x89, 0xf0, 0xc1, 0xe8, 0x10, 0xc3], // mov eax, esi; shr eax, 16; ret
  ]);

/** One access of `width` bytes, and nothing else. */
export const readProgram = (port: number, width: 1 | 2 | 4): Uint8Array =>
  program([
    ...allPorts,
    [0xba, ...dword(port)], // mov edx, port
    { 1: [0xec], 2: [0x66, 0xed], 4: [0xed] }[width],
    [0x31, 0xdb, 0xb8, ...EAX_EXIT, 0xcd, 0x80], // exit(0)
    label('refused'),
    [0xbb, ...dword(1), 0xb8, ...EAX_EXIT, 0xcd, 0x80], // exit(1)
  ]);

const allPorts: Code[] = [
  [0xb8, ...EAX_IOPL, 0xbb, ...dword(3), 0xcd, 0x80], // iopl(3)
  [0x85, 0xc0], // test eax, eax
  jump(JNZ, 'refused'),
];

const portBase = (port: number): Code[] => [...allPorts, [0x68, ...dword(port)]]; // push port

/** Leaves where one page of the file is mapped on the stack. */
const mappedBase = (file: string): Code[] => [
  jump(CALL, 'file'), // pushes where the name is
  [...Buffer.from(file, 'latin1'), 0],
  label('file'),
  [0x5b, 0xb9, ...dword(O_RDWR | O_SYNC), 0xb8, ...EAX_OPEN, 0xcd, 0x80], // pop ebx; open(ebx, O_RDWR | O_SYNC)
  [0x89, 0xc7, 0x31, 0xdb, 0x31, 0xed], // mov edi, eax: the file; address and offset 0
  [0xb9, ...dword(0x1000), 0xba, ...dword(3), 0xbe, ...dword(1)], // 4096 bytes, read and write, shared
  [0xb8, ...EAX_MMAP2, 0xcd, 0x80],
  [0x3d, ...dword(0xfffff000)], // cmp eax, -4096: above are error numbers
  jump(JA, 'refused'),
  [0x50], // push eax
];

/** By the width's logarithm in cl, to the register at edx. */
const access = (byte: number[], word: number[], long: number[], name: string): Code[] => [
  [0x80, 0xf9, 0x01], // cmp cl, 1
  jump(JB, `${name}8`),
  jump(JZ, `${name}16`),
  long,
  jump(JMP, 'done'),
  label(`${name}8`),
  byte,
  jump(JMP, 'done'),
  label(`${name}16`),
  word,
  jump(JMP, 'done'),
];
