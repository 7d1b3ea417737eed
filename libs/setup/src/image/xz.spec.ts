import { createHash } from 'node:crypto';
import { BadFormat } from './elf';
import { decompressXz, undoX86Filter } from './xz';

// Made with xz 5.4: `xz --check=crc32 --x86 --lzma2=dict=64KiB` of 400 bytes full of call and jump opcodes.
const filtered = Buffer.from(
  [
    '/Td6WFoAAAFpIt42AgEEACEBCADSuXTL4AGPAUddAHQAAIkM/wAthS3nb7oCybMGcVKCNdXNkWglvT11yCAqIUbnqtlJF5Io',
    'gSNnAY1XV3Jiop3WXJ5C/jrJdkDCsiQoxTiOYGlFvxt2/yV/m+vgW1MeNwS3LWktxw1dy8mCix8IXJg4LGW+UEaddeEGIQq0',
    'zOiKyaEozKiSdBdbkmNJZ00QAu9C/fKekQ+R+RQ5sUQ7J5mKdqlSeJp4fdnkxkYLcYvG+16YKDHEqdXuIYeId+y3w4I/+3Kb',
    'PKkh/NlB8gqd4rPBPZbBBUmdwLhbdRW9LuS12rJOaPtDAy6Bn1+HM8xQ0XpP8geC3LGrum3hDV1uRQ4+XzSTdt7Fmew9wZzl',
    'rS99Cov/R/C4i127BsoMkC5JzS4jxPeCaP5rWRaCJbavsZPyg+g8/vP+VOkuZ6M82RX0+PO3Okrv98G9YW7mvIiE2PsCvgAA',
    'fBVcFAAB3wKQAwAAunb75T4wDYsCAAAAAAFZWg==',
  ].join(''),
  'base64',
);
const filteredSha256 = 'fcd061c061ea5b4969908872b35f871d0b2d933f5e243b152d3c6e01b5789809';
// `xz` of "plain " × 40; and the same through the delta filter.
const plain = Buffer.from(
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ADvAA1dADgbCEeCsqEXqv/8AAAAAAAAR6Lap8ljTCEAASnwAQAAABu3fhOxxGf7AgAAAAAEWVo=',
  'base64',
);
const delta = Buffer.from(
  '/Td6WFoAAAFpIt42AgEDAQMhAQj0sn4G4ADvABFdADgbCEeInuM+TGlZsmBkv4AAAAAAACsAfUkAASnwAQAAABu3fhM+MA2LAgAAAAABWVo=',
  'base64',
);

describe('decompressXz', () => {
  it('decompresses plain LZMA2', async () => {
    expect(Buffer.from(await decompressXz(plain, 1000)).toString()).toBe('plain '.repeat(40));
  });

  it('undoes the x86 filter that kernels are compressed with', async () => {
    const output = await decompressXz(filtered, 1000);
    expect(createHash('sha256').update(output).digest('hex')).toBe(filteredSha256);
  });

  it('stops at its limit', async () => {
    await expect(decompressXz(plain, 100)).rejects.toThrow('holds more than 100 bytes');
  });

  it('refuses a filter that it does not know, by its number', async () => {
    await expect(decompressXz(delta, 1000)).rejects.toThrow(
      'uses the filters 0x3, 0x21; only LZMA2, alone or after x86',
    );
  });

  it.each(Array.from({ length: 12 }, (_, i) => i * 30))(
    'refuses a stream that is cut off after %d bytes',
    async length => {
      await expect(decompressXz(filtered.subarray(0, length), 1000)).rejects.toBeInstanceOf(BadFormat);
    },
  );

  it('finds every single flipped byte of the data, and never fails otherwise', async () => {
    const good = createHash('sha256')
      .update(await decompressXz(filtered, 1000))
      .digest('hex');
    for (let at = 0; at < filtered.length; at += 3) {
      const bad = Buffer.from(filtered);
      bad[at] = (bad[at] as number) ^ 0x55;
      const result = await decompressXz(bad, 1000).catch((error: unknown) => error);
      if (result instanceof Uint8Array) {
        // A byte that says nothing of the content, such as the CRC of a header that is not used.
        expect(createHash('sha256').update(result).digest('hex')).toBe(good);
      } else {
        expect(result).toBeInstanceOf(BadFormat);
      }
    }
  });
});

describe('undoX86Filter', () => {
  it('makes the target of a call relative again', () => {
    const code = Buffer.from([0x90, 0x90, 0xe8, 0x10, 0x00, 0x00, 0x00, 0x90]);
    undoX86Filter(code);
    expect([...code]).toEqual([0x90, 0x90, 0xe8, 0x09, 0x00, 0x00, 0x00, 0x90]); // 0x10 - (2 + 5)
  });

  it('leaves what is no near call alone', () => {
    const code = Buffer.from([0xe8, 0x10, 0x00, 0x00, 0x12, 0x90, 0x90, 0x90]);
    undoX86Filter(code);
    expect([...code]).toEqual([0xe8, 0x10, 0x00, 0x00, 0x12, 0x90, 0x90, 0x90]);
  });
});
