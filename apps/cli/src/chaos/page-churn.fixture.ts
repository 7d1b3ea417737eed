import { dword, jump, label, program, type Code } from '@v3vee/machine/src/testing/i386.fixture';

/**
 * Two programs that tell whether a guest's memory is what the guest made of it, over moves, saves and restores.
 *
 * `churn` maps a file of the guest's memory file system and goes over its pages for ever, a rest after each pass. In each
 * page it finds its number and the count of passes, or ends with 1; then it counts on. `audit`, while `churn` is stopped,
 * looks at every byte: all pages have the same count but for one edge, where the count is one lower from there on.
 */
export interface Region {
  file: string;
  pages: number;
}

const [O_RDONLY, O_RDWR_NEW] = [0, 0x242]; // O_RDWR | O_CREAT | O_TRUNC
const [READ, READ_WRITE] = [1, 3];
const [EXIT, OPEN, FTRUNCATE, NANOSLEEP, MMAP2] = [1, 5, 93, 162, 192];
const SYSCALL = [0xcd, 0x80];
const CALL = [0xe8];
const JMP = [0xe9];
const [JZ, JNZ, JA] = [
  [0x0f, 0x84],
  [0x0f, 0x85],
  [0x0f, 0x87],
];
/** Content of a page after count and number: the number times this (Knuth's multiplicative hash). */
const PATTERN = 2654435761;

const call = (number: number): number[] => [0xb8, ...dword(number), ...SYSCALL]; // mov eax, number
const exit = (code: number): number[] => [0xbb, ...dword(code), ...call(EXIT)]; // mov ebx, code

/** Ends with 1 at a page that is not as it left it, with 2 if it can't map the file. @param restMs after each pass */
export const churnProgram = ({ file, pages }: Region, restMs: number): Uint8Array =>
  program([
    ...opened(file, O_RDWR_NEW),
    [0x89, 0xc3, 0xb9, ...dword(pages * 4096), ...call(FTRUNCATE)], // mov ebx, eax; mov ecx, length
    [0x89, 0xdf], // mov edi, ebx: the file
    ...mapped(pages, READ_WRITE),
    // Fills each page: ebx its number, edx its address.
    [0x31, 0xdb, 0x89, 0xf2], // xor ebx, ebx; mov edx, esi
    label('fill'),
    [0x89, 0x5a, 0x04], // mov [edx + 4], ebx
    [0x69, 0xc3, ...dword(PATTERN)], // imul eax, ebx, PATTERN
    [0x8d, 0x7a, 0x08, 0xb9, ...dword(1022), 0xfc, 0xf3, 0xab], // lea edi, [edx + 8]; mov ecx, 1022; cld; rep stosd
    [0x81, 0xc2, ...dword(4096), 0x43], // add edx, 4096; inc ebx
    [0x81, 0xfb, ...dword(pages)], // cmp ebx, pages
    jump(JNZ, 'fill'),
    [0x68, ...dword(restMs * 1_000_000), 0x6a, 0x00], // push ns; push 0: what nanosleep is given
    [0x31, 0xff], // xor edi, edi: the count
    label('pass'),
    [0x31, 0xdb, 0x89, 0xf2], // xor ebx, ebx; mov edx, esi
    label('page'),
    [0x39, 0x3a], // cmp [edx], edi
    jump(JNZ, 'wrong'),
    [0x39, 0x5a, 0x04], // cmp [edx + 4], ebx
    jump(JNZ, 'wrong'),
    [0xff, 0x02], // inc dword [edx]
    [0x81, 0xc2, ...dword(4096), 0x43], // add edx, 4096; inc ebx
    [0x81, 0xfb, ...dword(pages)], // cmp ebx, pages
    jump(JNZ, 'page'),
    [0x47], // inc edi
    [0x89, 0xe3, 0x31, 0xc9, ...call(NANOSLEEP)], // mov ebx, esp; xor ecx, ecx
    jump(JMP, 'pass'),
    label('wrong'),
    exit(1),
    label('refused'),
    exit(2),
  ]);

/** Ends with 0 if the region is whole, 1 if a page is not, 2 if it can't be looked at. */
export const auditProgram = ({ file, pages }: Region): Uint8Array =>
  program([
    ...opened(file, O_RDONLY),
    [0x89, 0xc7], // mov edi, eax
    ...mapped(pages, READ),
    [0x8b, 0x3e, 0x31, 0xed], // mov edi, [esi]: the count; xor ebp, ebp: no edge yet
    [0x31, 0xdb, 0x89, 0xf2], // xor ebx, ebx; mov edx, esi
    label('page'),
    [0x39, 0x3a], // cmp [edx], edi
    jump(JZ, 'counted'),
    [0x85, 0xed], // test ebp, ebp
    jump(JNZ, 'wrong'),
    [0x45, 0x4f, 0x39, 0x3a], // inc ebp; dec edi; cmp [edx], edi
    jump(JNZ, 'wrong'),
    label('counted'),
    [0x39, 0x5a, 0x04], // cmp [edx + 4], ebx
    jump(JNZ, 'wrong'),
    [0x57, 0x69, 0xc3, ...dword(PATTERN)], // push edi; imul eax, ebx, PATTERN
    [0x8d, 0x7a, 0x08, 0xb9, ...dword(1022), 0xfc, 0xf3, 0xaf, 0x5f], // lea edi, [edx + 8]; … repe scasd; pop edi
    jump(JNZ, 'wrong'),
    [0x81, 0xc2, ...dword(4096), 0x43], // add edx, 4096; inc ebx
    [0x81, 0xfb, ...dword(pages)], // cmp ebx, pages
    jump(JNZ, 'page'),
    exit(0),
    label('wrong'),
    exit(1),
    label('refused'),
    exit(2),
  ]);

/** The file's number in eax. */
const opened = (file: string, flags: number): Code[] => [
  jump(CALL, 'file'), // pushes where the name is
  [...Buffer.from(file, 'latin1'), 0],
  label('file'),
  [0x5b, 0xb9, ...dword(flags), 0xba, ...dword(0o600), ...call(OPEN)], // pop ebx; mov ecx, flags; mov edx, mode
  [0x3d, ...dword(0xfffff000)], // cmp eax, -4096: above are error numbers
  jump(JA, 'refused'),
];

/** The file of number edi, shared, at esi. */
const mapped = (pages: number, access: number): Code[] => [
  [0x31, 0xdb, 0x31, 0xed], // xor ebx, ebx; xor ebp, ebp: address and offset
  [0xb9, ...dword(pages * 4096), 0xba, ...dword(access), 0xbe, ...dword(1), ...call(MMAP2)],
  [0x3d, ...dword(0xfffff000)],
  jump(JA, 'refused'),
  [0x89, 0xc6], // mov esi, eax
];
