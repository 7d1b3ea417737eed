import { SavedState, type Widths } from '../ethernet/saved-state';

const WORDS = 64;
/** Pins in 9346CR. */
const CS = 0x08;
const CLOCK = 0x04;
const DATA_IN = 0x02;
const DATA_OUT = 0x01;

const READ = 2;
const WRITE = 1;
const ERASE = 3;
/** Start bit, two bits of operation, six of address. */
const COMMAND_BITS = 9;
const COMMAND_START = 0x100;

/** Where a Realtek card keeps its address, in words. */
const MAC_WORD = 7;
/** First word of a card with a 93C46 or 93C56. */
const SIGNATURE = 0x8129;

interface EepromPins {
  /** 1: chip select and clock were high at the last write. */
  select: number;
  clock: number;
  /** Bits shifted in since the start bit, and how many. */
  shift: number;
  count: number;
  /** What is shifted out next, and how many bits of it are left. */
  out: number;
  outLeft: number;
  dataOut: number;
  /** The word that a write command is waiting for data of, plus 1; 65 for all of them; 0: none. */
  target: number;
  writeEnabled: number;
}

const PIN_WIDTHS: Widths<EepromPins> = {
  select: 1,
  clock: 1,
  shift: 16,
  count: 5,
  out: 16,
  outLeft: 5,
  dataOut: 1,
  target: 7,
  writeEnabled: 1,
};

export interface EepromState {
  words: number[];
  pins: EepromPins;
}

const idlePins = (): EepromPins => ({
  ...{ select: 0, clock: 0, shift: 0, count: 0, out: 0, outLeft: 0, dataOut: 1, target: 0, writeEnabled: 0 },
});

/**
 * A 93C46 serial EEPROM, 64 words of 16 bits, driven pin by pin through 9346CR (Microchip 93C46 datasheet). Programming
 * takes no time: the ready bit is there at the next chip select.
 */
export class Eeprom93c46 {
  private readonly words = new Uint16Array(WORDS);
  private pins = idlePins();

  constructor(mac: Uint8Array) {
    this.words[0] = SIGNATURE;
    this.address = mac;
  }

  /** Six bytes: the card's own address. */
  get address(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length: 6 }, (_, i) => this.words[MAC_WORD + (i >> 1)]! >> (8 * (i & 1)));
  }

  set address(mac: Uint8Array) {
    for (let i = 0; i < 3; i++) this.words[MAC_WORD + i] = mac[2 * i]! | (mac[2 * i + 1]! << 8);
  }

  /** The card let go of the pins. */
  release(): void {
    const { writeEnabled } = this.pins;
    this.pins = { ...idlePins(), writeEnabled };
  }

  /** A write to 9346CR in programming mode. */
  write(value: number): void {
    const { pins } = this;
    const clock = value & CLOCK ? 1 : 0;
    if (!(value & CS)) this.release();
    else if (clock && !pins.clock) this.rise(value & DATA_IN ? 1 : 0);
    this.pins.select = value & CS ? 1 : 0;
    this.pins.clock = clock;
  }

  /** The pins as 9346CR shows them: data out is bit 0. */
  get output(): number {
    return this.pins.dataOut ? DATA_OUT : 0;
  }

  private rise(bit: number): void {
    const { pins } = this;
    if (pins.outLeft) {
      pins.outLeft--;
      pins.dataOut = (pins.out >> pins.outLeft) & 1;
      return;
    }
    if (pins.count === 0 && !pins.target && !bit) return; // zeros before the start bit mean nothing
    pins.shift = ((pins.shift << 1) | bit) & 0xffff;
    pins.count++;
    if (pins.target) {
      if (pins.count === 16) this.program(pins.target - 1, pins.shift);
    } else if (pins.count === COMMAND_BITS) this.execute(pins.shift & (COMMAND_START - 1));
  }

  private execute(command: number): void {
    const { pins } = this;
    const operation = command >> 6;
    const address = command & (WORDS - 1);
    pins.count = pins.shift = 0;
    if (operation === READ) {
      pins.out = this.words[address]!;
      pins.outLeft = 16;
      pins.dataOut = 0; // a dummy bit comes first
    } else if (operation === WRITE) pins.target = 1 + address;
    else if (operation === ERASE) this.program(address, 0xffff);
    else this.extended(address >> 4);
  }

  /** Commands whose operation stands in the upper two address bits. */
  private extended(operation: number): void {
    const { pins } = this;
    if (operation === 0) pins.writeEnabled = 0;
    else if (operation === 1) pins.target = 1 + WORDS;
    else if (operation === 2) this.program(WORDS, 0xffff);
    else pins.writeEnabled = 1;
  }

  private program(word: number, value: number): void {
    const { pins } = this;
    pins.count = pins.shift = pins.target = 0;
    if (!pins.writeEnabled) return;
    if (word === WORDS) this.words.fill(value);
    else this.words[word] = value;
  }

  save(): EepromState {
    return { words: [...this.words], pins: { ...this.pins } };
  }

  /** The state, checked, as a thing to be applied: nothing changes before all of a card's state was checked. */
  check(check: SavedState, saved: unknown): () => void {
    const state = check.object(saved, 'the EEPROM');
    const { words } = state;
    const isWord = (word: unknown) =>
      Number.isInteger(word) && (word as number) >= 0 && (word as number) < 65536;
    if (!Array.isArray(words) || words.length !== WORDS || !words.every(isWord)) {
      throw check.refuse(`the EEPROM does not have ${WORDS} words of 16 bits`);
    }
    const pins = check.numbers<EepromPins>(state.pins, PIN_WIDTHS);
    const sane =
      pins.target <= 1 + WORDS && pins.outLeft <= 16 && pins.count < (pins.target ? 16 : COMMAND_BITS);
    if (!sane) throw check.refuse('the EEPROM is in a state that it never reaches');
    return () => {
      this.words.set(words as number[]);
      this.pins = pins;
    };
  }
}
