import { MAX_SUPER_FRAME_BYTES, MIN_SUPER_FRAME_BYTES, superFrameProblem } from './super-frame';
import { gsoTypes, virtioNetFlags, VirtioNetHeader } from './virtio-net-header';

interface Header {
  flags?: number;
  gsoType?: number;
  headerLength?: number;
  gsoSize?: number;
  checksumStart?: number;
  checksumOffset?: number;
}

/** A super-frame of 1514 bytes of Ethernet unless told otherwise. */
function superFrame(header: Header, ethernetBytes = 1514): Uint8Array {
  const bytes = Buffer.alloc(12 + ethernetBytes);
  bytes[0] = header.flags ?? 0;
  bytes[1] = header.gsoType ?? 0;
  bytes.writeUInt16LE(header.headerLength ?? 0, 2);
  bytes.writeUInt16LE(header.gsoSize ?? 0, 4);
  bytes.writeUInt16LE(header.checksumStart ?? 0, 6);
  bytes.writeUInt16LE(header.checksumOffset ?? 0, 8);
  return bytes;
}

/** As Linux sends it: IPv4 and TCP without options. */
const tcp4: Header = {
  flags: virtioNetFlags.NEEDS_CSUM,
  gsoType: gsoTypes.TCPV4,
  headerLength: 54,
  gsoSize: 1448,
  checksumStart: 34,
  checksumOffset: 16,
};

describe('a super-frame', () => {
  it('shows the fields of its virtio-net header', () => {
    const bytes = superFrame({ ...tcp4, gsoType: gsoTypes.TCPV4 | gsoTypes.ECN });
    bytes[10] = 2;
    const header = new VirtioNetHeader(bytes);
    expect(header).toMatchObject({
      flags: 1,
      gsoType: 0x81,
      headerLength: 54,
      gsoSize: 1448,
      checksumStart: 34,
      checksumOffset: 16,
      bufferCount: 2,
      needsChecksum: true,
      isSegmented: true,
    });
    expect(() => new VirtioNetHeader(bytes.subarray(0, 11))).toThrow('takes 12 bytes, there are 11');
  });

  it.each<[string, Uint8Array]>([
    ['no offload', superFrame({})],
    ['headers only, as short as can be', superFrame({}, 14)],
    ['checksum offload', superFrame({ flags: 1, checksumStart: 34, checksumOffset: 6 })],
    [
      'a checksum that ends with the frame',
      superFrame({ flags: 1, checksumStart: 34, checksumOffset: 6 }, 42),
    ],
    ['a valid checksum', superFrame({ flags: virtioNetFlags.DATA_VALID })],
    ['TCP over IPv4 in segments', superFrame(tcp4, 65_226)],
    [
      'TCP over IPv6 with ECN',
      superFrame({ ...tcp4, gsoType: gsoTypes.TCPV6 | gsoTypes.ECN, checksumStart: 54 }),
    ],
    ['UDP in segments', superFrame({ ...tcp4, gsoType: gsoTypes.UDP_L4, checksumOffset: 6 })],
    ['flags of a later specification', superFrame({ flags: 0xf0 })],
    ['the largest', new Uint8Array(MAX_SUPER_FRAME_BYTES)],
  ])('is accepted: %s', (_, bytes) => {
    expect(superFrameProblem(bytes)).toBeUndefined();
  });

  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), "0 bytes are less than the headers' 26"],
    ['a cut header', new Uint8Array(MIN_SUPER_FRAME_BYTES - 1), "25 bytes are less than the headers' 26"],
    [
      'too much',
      new Uint8Array(MAX_SUPER_FRAME_BYTES + 1),
      "65567 bytes are more than the largest super-frame's 65566",
    ],
    [
      'a checksum outside',
      superFrame({ flags: 1, checksumStart: 34, checksumOffset: 7 }, 42),
      'the checksum field ends at 43, the frame at 42',
    ],
    [
      'a checksum far outside',
      superFrame({ flags: 1, checksumStart: 0xffff, checksumOffset: 0xffff }),
      'the checksum field ends at 131072, the frame at 1514',
    ],
    [
      'a checksum in the addresses',
      superFrame({ flags: 1, checksumStart: 13 }),
      'the checksum starts at 13, inside the Ethernet header',
    ],
    ['an unknown type', superFrame({ ...tcp4, gsoType: 2 }), 'segmentation type 0x2 is not known'],
    [
      'ECN without TCP',
      superFrame({ ...tcp4, gsoType: gsoTypes.UDP_L4 | gsoTypes.ECN }),
      'segmentation type 0x85 is not known',
    ],
    ['ECN alone', superFrame({ ...tcp4, gsoType: gsoTypes.ECN }), 'segmentation type 0x80 is not known'],
    ['empty segments', superFrame({ ...tcp4, gsoSize: 0 }), 'segments of 0 bytes'],
    ['segments without checksum', superFrame({ ...tcp4, flags: 0 }), 'segmentation without checksum offload'],
    [
      'headers longer than the frame',
      superFrame({ ...tcp4, headerLength: 1515 }),
      'the headers take 1515 bytes, the frame has 1514',
    ],
  ])('is refused: %s', (_, bytes, problem) => {
    expect(superFrameProblem(bytes)).toBe(problem);
  });
});
