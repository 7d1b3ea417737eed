import { readFileSync } from 'node:fs';
import { BadFormat, machineI386, readElf, readNeeded } from './elf';
import { makeElf } from './elf.fixture';

describe('readElf', () => {
  it('reads the header and the segments', () => {
    const { bits, machine, entry, segments } = readElf(makeElf());
    expect({ bits, machine, entry }).toEqual({ bits: 32, machine: machineI386, entry: 0x1000 });
    expect(segments.map(({ type, physicalAddress }) => [type, physicalAddress])).toEqual([
      [1, 0x1000],
      [2, 0x1078],
    ]);
  });

  it('tells a 64-bit file', () => {
    const elf = makeElf();
    elf[4] = 2;
    expect(readElf(elf).bits).toBe(64);
  });

  it.each([
    ['no ELF', () => Buffer.from('#!/bin/sh\n'), /does not begin with the ELF magic/],
    ['a cut-off header', () => makeElf().subarray(0, 40), /the ELF header is cut off after 40 bytes/],
    [
      'cut-off program headers',
      () => makeElf().subarray(0, 100),
      /program headers \(2 at offset 52\) lie beyond the file's 100 bytes/,
    ],
    [
      'a cut-off segment',
      () => makeElf({ text: 'x'.repeat(100) }).subarray(0, -30),
      /segment 0 needs 30 more bytes/,
    ],
    ['big-endian', () => makeElf().fill(2, 5, 6), /big-endian/],
  ])('refuses %s', (_, make, message) => {
    expect(() => readElf(make())).toThrow(message);
    expect(() => readElf(make())).toThrow(BadFormat);
  });

  it('survives any single damaged byte of the header', () => {
    const good = makeElf({ needed: ['libc.so.6'] });
    for (let at = 0; at < 120; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const bad = Buffer.from(good);
        bad[at] = value;
        try {
          readElf(bad);
          readNeeded(bad);
        } catch (error) {
          expect(error).toBeInstanceOf(BadFormat);
        }
      }
    }
  });
});

describe('readNeeded', () => {
  it('lists the libraries in order', () => {
    expect(readNeeded(makeElf({ needed: ['libm.so.6', 'libc.so.6'] }))).toEqual(['libm.so.6', 'libc.so.6']);
  });

  it('finds none in a static program', () => {
    expect(readNeeded(makeElf())).toEqual([]);
  });

  it('refuses a name that runs beyond the file', () => {
    const elf = makeElf({ needed: ['libc.so.6'] });
    elf.writeUInt32LE(0xffff, elf.length - 24 + 4);
    expect(() => readNeeded(elf)).toThrow(/a string at offset \d+ runs beyond the file/);
  });

  it('reads a program of this machine only as far as it can: a 64-bit one has no 32-bit segments', () => {
    const node = readFileSync(process.execPath);
    if (process.platform === 'linux') expect(readElf(node).bits).toBe(64);
    else expect(() => readElf(node)).toThrow(BadFormat);
  });
});
