import { rtl8139Registers } from '@v3vee/devices';
import type { DeviceRegisters } from '../model';

const { Eecr, Reg } = rtl8139Registers;

/** Pins of the 93C46 in 9346CR (Microchip 93C46 datasheet; `8139too.c`, `read_eeprom`). */
const CS = 0x08;
const CLOCK = 0x04;
const DATA_IN = 0x02;
const DATA_OUT = 0x01;

/** Start bit, operation, six bits of address. */
const COMMAND_BITS = 9;
const READ = 0x180;
const WRITE = 0x140;
const WRITE_ENABLE = 0x130;
const WRITE_DISABLE = 0x100;

const WORDS = 64;
/** The signature of a card with a 93C46 in word 0; words 7 to 9 are the address, which whoever has the card puts in. */
const SIGNATURE = 0x8129;
const ADDRESS = { first: 7, last: 9 };

/**
 * Undoes what a guest wrote to the EEPROM, its address aside: no later guest finds it there. A card that was only read
 * from, as drivers do, is not programmed: the part wears out. Costs about 4,000 accesses.
 */
export function repairEeprom(registers: DeviceRegisters): void {
  for (let word = 0; word < WORDS; word++) {
    if (word >= ADDRESS.first && word <= ADDRESS.last) continue;
    const expected = word === 0 ? SIGNATURE : 0;
    if (readWord(registers, word) === expected) continue;
    command(registers, WRITE_ENABLE);
    command(registers, WRITE | word);
    shift(registers, expected, 16);
  }
  command(registers, WRITE_DISABLE);
  registers.write(Reg.config, 1, 0);
}

function readWord(registers: DeviceRegisters, word: number): number {
  command(registers, READ | word);
  let value = 0;
  for (let i = 0; i < 16; i++) {
    registers.write(Reg.config, 1, Eecr.program | CS | CLOCK);
    value = (value << 1) | (registers.read(Reg.config, 1) & DATA_OUT);
    registers.write(Reg.config, 1, Eecr.program | CS);
  }
  return value;
}

/** Ends the last command, and shifts in another. */
function command(registers: DeviceRegisters, bits: number): void {
  registers.write(Reg.config, 1, Eecr.program);
  registers.write(Reg.config, 1, Eecr.program | CS);
  shift(registers, bits, COMMAND_BITS);
}

function shift(registers: DeviceRegisters, bits: number, count: number): void {
  for (let i = count - 1; i >= 0; i--) {
    const data = (bits >> i) & 1 ? DATA_IN : 0;
    registers.write(Reg.config, 1, Eecr.program | CS | data);
    registers.write(Reg.config, 1, Eecr.program | CS | CLOCK | data);
  }
  registers.write(Reg.config, 1, Eecr.program | CS);
}
