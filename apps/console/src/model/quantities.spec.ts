import * as q from './quantities';

describe('quantities', () => {
  it.each([
    [q.formatBytes(0), '0 B'],
    [q.formatBytes(1023.9), '1.0 KiB'],
    [q.formatBytes(5.25 * 2 ** 20), '5.3 MiB'],
    [q.formatBitRate(999), '999 b/s'],
    [q.formatBitRate(12_345_678), '12.3 Mb/s'],
    [q.formatMiB(64), '64 MiB'],
    [q.formatMiB(1536), '1.5 GiB'],
    [q.formatCount(9_999), '9999'],
    [q.formatCount(1_234_567), '1.2 M'],
    [q.formatMs(0.25), '0.25 ms'],
    [q.formatMs(31.4), '31 ms'],
    [q.formatMs(75_000), '1 min 15 s'],
    [q.formatSeconds(90_061), '1 d 1 h'],
    [q.formatAge('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:00:05.400Z')), '5 s'],
    [q.formatAge('2026-01-01T00:00:10Z', Date.parse('2026-01-01T00:00:00Z')), '0 s'],
    [q.formatHex(0x3f8, 4), '0x03f8'],
  ])('%s', (written, expected) => expect(written).toBe(expected));

  it('times of another day have their date', () => {
    const at = new Date(2026, 0, 2, 3, 4, 5).toISOString();
    expect(q.formatTime(at, Date.parse(at) + 1000)).toBe('03:04:05');
    expect(q.formatTime(at, Date.parse(at) + 86_400_000)).toBe('2026-01-02 03:04:05');
  });
});
