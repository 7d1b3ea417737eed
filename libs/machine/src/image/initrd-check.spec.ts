import { gzipSync } from 'node:zlib';
import { checkInitrd } from './initrd-check';
import { makeCpio } from './kernel.fixture';

const archive = makeCpio({ init: '#!/bin/sh\n', 'etc/hosts': '127.0.0.1 localhost\n' });
const zeros = (bytes: number): Buffer => Buffer.alloc(bytes);

describe('checkInitrd', () => {
  it.each([
    ['a plain archive', archive],
    ['a gzipped archive', gzipSync(archive)],
    ['an archive with padding behind it', Buffer.concat([archive, zeros(512)])],
    ['two archives, as with microcode in front', Buffer.concat([archive, zeros(100), archive])],
    ['a plain archive and a gzipped one', Buffer.concat([archive, gzipSync(archive)])],
    ['an xz archive, of which only the beginning is known', Buffer.from('fd377a585a000004', 'hex')],
    ['a zstd archive', Buffer.from('28b52ffd0000', 'hex')],
  ])('accepts %s', (_, bytes) => {
    expect(() => checkInitrd(bytes)).not.toThrow();
  });

  const refused = (bytes: Uint8Array): string => {
    try {
      checkInitrd(bytes);
    } catch (error) {
      expect(error).toMatchObject({ code: 'IMAGE_INVALID' });
      return (error as Error).message;
    }
    return 'accepted';
  };

  it('says where an archive is cut off, wherever that is', () => {
    for (let length = 1; length < archive.length; length++) {
      expect(`${length}: ${refused(archive.subarray(0, length))}`).toMatch(
        /the initrd is (cut off|not a cpio archive)/,
      );
    }
    const hosts = archive.indexOf('etc/hosts') - 110;
    expect(refused(archive.subarray(0, hosts + 130))).toBe(
      `the initrd is cut off: "etc/hosts" at byte ${hosts} needs 10 more bytes`,
    );
    const trailer = archive.indexOf('TRAILER!!!') - 110;
    expect(refused(archive.subarray(0, trailer))).toBe(
      `the initrd is cut off at byte ${trailer}, after "etc/hosts": its end mark TRAILER!!! is missing`,
    );
  });

  it('says so for what is inside gzip, too', () => {
    expect(refused(gzipSync(archive.subarray(0, -150)))).toMatch(/cut off.* at byte \d+ \(unpacked\)/);
    expect(refused(gzipSync(archive).subarray(0, -12))).toBe(
      'the initrd is cut off: its gzip data ends too early',
    );
  });

  it('refuses what is no archive, with the remedy where there is one', () => {
    expect(refused(Buffer.alloc(0))).toBe('the initrd is empty');
    expect(refused(zeros(1024))).toBe('the initrd is empty');
    expect(refused(Buffer.from('PK\x03\x04 a zip file'))).toBe('the initrd is not a cpio archive');
    expect(refused(Buffer.from(`070707${'0'.repeat(200)}`))).toContain('make it with "cpio -o -H newc"');
    expect(refused(gzipSync('no cpio'))).toBe('the initrd is not a cpio archive');
  });

  it('refuses damage in the middle', () => {
    const bad = Buffer.from(archive);
    bad.write('XXXXXX', archive.indexOf('etc/hosts') - 110);
    expect(refused(bad)).toMatch(/is damaged at byte \d+: no cpio header is there/);
    const huge = Buffer.from(archive);
    huge.write('ffffffff', 6 + 6 * 8);
    expect(refused(huge)).toMatch(/cut off: "init" at byte 0 needs \d+ more bytes/);
    const nonsense = Buffer.from(archive);
    nonsense.write('zzzzzzzz', 6 + 11 * 8);
    expect(refused(nonsense)).toBe('the initrd is damaged at byte 0: the cpio header makes no sense');
  });
});
