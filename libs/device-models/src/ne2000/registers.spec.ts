import { describe as describeAccess, get, placeOf, put, registerName, select } from './registers';
import { vmmRig } from './vmm.fixture';

const access = (direction: 'read' | 'write', page: number, offset: number, value = 0) =>
  ({ direction, page, offset, value, size: 1 }) as const;

it.each([
  ['read', 0, 0x01, 'CLDA0'],
  ['write', 0, 0x01, 'PSTART'],
  ['read', 0, 0x07, 'ISR'],
  ['write', 0, 0x06, 'TBCR1'],
  ['read', 0, 0x08, 'CRDA0'],
  ['write', 0, 0x08, 'RSAR0'],
  ['read', 0, 0x0f, 'CNTR2'],
  ['write', 0, 0x0f, 'IMR'],
  ['write', 1, 0x07, 'CURR'],
  ['write', 1, 0x0e, 'MAR6'],
  ['read', 2, 0x0f, 'IMR'],
  ['read', 2, 0x09, 'page 2, 0x09'],
  ['read', 3, 0x01, '9346CR'],
  ['write', 3, 0x06, 'CONFIG3'],
  ['write', 2, 0x10, 'data port'],
  ['read', 0, 0x17, 'data port'],
  ['read', 0, 0x1f, 'reset port'],
] as const)('names a %s of page %i, 0x%s', (direction, page, offset, name) => {
  expect(registerName(access(direction, page, offset))).toBe(name);
});

it.each([
  ['write', 0, 0x00, 0x22, 'start, page 0, remote done'],
  ['write', 0, 0x00, 0x0a, 'start, page 0, remote read'],
  ['write', 0, 0x00, 0x12, 'start, page 0, remote write'],
  ['write', 0, 0x00, 0x26, 'start, transmit, page 0, remote done'],
  ['write', 1, 0x00, 0xd9, 'stop, page 3, send packet'],
  ['read', 0, 0x07, 0xc5, 'received, receive error, remote done, reset'],
  ['write', 0, 0x0f, 0xbf, 'received, transmitted, receive error, transmit error, overwrite, counter'],
  ['write', 0, 0x0c, 0x0c, 'broadcast, multicast'],
  ['write', 0, 0x0d, 0x03, 'internal loopback, no crc'],
  ['write', 0, 0x0d, 0x00, 'normal operation'],
  ['write', 0, 0x0e, 0x49, 'words'],
  ['read', 0, 0x04, 0x13, 'transmitted, not deferred, carrier lost'],
  ['read', 0, 0x0c, 0x21, 'intact, group'],
  ['write', 0, 0x01, 0x4c, 'packet memory 0x4c00'],
  ['write', 0, 0x05, 0x60, ''],
  ['write', 0, 0x10, 0x60, ''],
] as const)('describes a %s of page %i, 0x%s: 0x%s', (direction, page, offset, value, text) => {
  expect(describeAccess(access(direction, page, offset, value))).toBe(text);
});

it('reaches registers by name, and turns pages without touching a transfer', () => {
  const { silicon } = vmmRig();
  silicon.write(0x0a, 1, 8);
  silicon.write(0x00, 1, 0x0a);
  const before = silicon.save();
  for (const page of [3, 1, 2, 0]) select(silicon, page);
  expect(silicon.save()).toEqual(before);
  put(silicon, 'PSTOP', 0x60);
  put(silicon, 'CURR', 0x4d);
  expect([get(silicon, 'PSTOP'), get(silicon, 'CURR')]).toEqual([0x60, 0x4d]);
  expect([placeOf('read', 'IMR'), placeOf('write', 'IMR')]).toEqual([
    { page: 2, offset: 0x0f },
    { page: 0, offset: 0x0f },
  ]);
});
