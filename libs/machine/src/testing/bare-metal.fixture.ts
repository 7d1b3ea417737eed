import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ensureFirmware, resolvePaths } from '@v3vee/setup';
import type { BootImage } from '../engine/direct-boot';
import { makeBzImage } from '../image/kernel.fixture';
import { Guest } from '../worker/guest';
import type { GuestOptions } from '../worker/guest-options';
import { dword, jump, label, program, type Code } from './i386.fixture';

/** A guest that is nothing but some instructions in kernel mode, which say what they see on the serial port. */

export const exampleModule = (name: string) =>
  resolve(__dirname, `../../../../docs/examples/devices/${name}.mjs`);

const KERNEL = 0x200000;
const STACK = 0x90000;
const CALL = [0xe8];

/** Says EAX: four bytes, the lowest first. */
export const say = jump(CALL, 'say');
/** `mov eax, value` and its like. */
export const load = (register: 'eax' | 'ecx' | 'edx' | 'ebx', value: number): Code => [
  0xb8 + ['eax', 'ecx', 'edx', 'ebx'].indexOf(register),
  ...dword(value),
];
/** `mov eax, register`. */
export const take = (register: 'ecx' | 'edx' | 'ebx'): Code => [
  0x89,
  { ecx: 0xc8, edx: 0xd0, ebx: 0xd8 }[register],
];
/** Runs `code` so often; it must leave ESI alone. */
export const repeat = (times: number, name: string, code: readonly Code[]): Code[] => [
  [0xbe, ...dword(times)], // mov esi, times
  label(name),
  ...code,
  [0x4e], // dec esi
  jump([0x0f, 0x85], name), // jnz
];

export const cpuid: Code = [0x0f, 0xa2];
export const rdmsr: Code = [0x0f, 0x32];
export const wrmsr: Code = [0x0f, 0x30];
export const vmcall: Code = [0x0f, 0x01, 0xc1];

export class BareMetal {
  private readonly guests: Guest[] = [];

  /** Runs the code, which then loops for ever. */
  async start(code: readonly Code[], options: Partial<GuestOptions> = {}): Promise<Said> {
    const { bios, vgaBios } = await ensureFirmware({ cache: resolvePaths().cache });
    const image: BootImage = {
      kernelFormat: 'elf',
      kernel: program(
        [
          [0xbc, ...dword(STACK)], // mov esp
          ...code,
          [0xeb, 0xfe], // jmp to itself
          label('say'),
          [0x52, 0xba, ...dword(0x3f8)], // push edx; mov edx, 0x3f8
          ...new Array<number[]>(4).fill([0xee, 0xc1, 0xe8, 0x08]), // out dx, al; shr eax, 8
          [0x5a, 0xc3], // pop edx; ret
        ],
        KERNEL,
      ),
      bootHeader: makeBzImage(new Uint8Array(0)).subarray(0, 0x270),
      initrd: new Uint8Array(0),
      cmdline: '',
    };
    const guest = await Guest.create({
      ...{ memoryMiB: 32, image, nics: [] },
      firmware: { bios: await readFile(bios), vgaBios: await readFile(vgaBios) },
      ...options,
    });
    this.guests.push(guest);
    const said = new Said(guest);
    await guest.boot();
    await guest.run();
    return said;
  }

  async stop(): Promise<void> {
    await Promise.all(this.guests.splice(0).map(guest => guest.terminate()));
  }
}

/** What such a guest says. */
export class Said {
  private all = Buffer.alloc(0);
  private heard: () => void = () => undefined;

  constructor(readonly guest: Guest) {
    guest.onConsole(data => {
      this.all = Buffer.concat([this.all, data]);
      this.heard();
    });
  }

  /** The first `count` words, when it has said as many. */
  async words(count: number): Promise<number[]> {
    while (this.all.length < 4 * count) await new Promise<void>(resolve => (this.heard = resolve));
    return Array.from({ length: count }, (_, i) => this.all.readUInt32LE(4 * i));
  }
}
