import { gsoTypes, superFrameFromWire, VIRTIO_NET_HEADER_BYTES } from '@v3vee/wire';
import { NicCards } from './nic-cards';

function rig() {
  const sent: [kind: string, index: number, frames: Uint8Array[]][] = [];
  const listeners: Record<string, (index: number, frames: Uint8Array[]) => void> = {};
  const cards = new NicCards(
    {
      sendFrames: (nic, frames) => void sent.push(['virtio', nic, frames]),
      sendCardFrames: (card, frames) => void sent.push(['card', card, frames]),
      onFrames: listener => ((listeners.virtio = listener), () => delete listeners.virtio),
      onCardFrames: listener => ((listeners.card = listener), () => delete listeners.card),
      caughtUp: () => Promise.reject(new Error('not asked for here')),
    },
    [{ device: null }, { device: 'eth0' }, { device: 'eth1' }],
  );
  return { cards, sent, listeners };
}

const ethernet = (length: number) => new Uint8Array(length).fill(0x5a).fill(0xff, 0, 6);

it('gives virtio cards super-frames as they are, and physical ones what a wire carries, padded', () => {
  const { cards, sent } = rig();
  const frame = superFrameFromWire(ethernet(42), 1500);
  cards.sendFrames(0, [frame]);
  cards.sendFrames(2, [frame]);
  expect(sent[0]).toEqual(['virtio', 0, [frame]]);
  const [kind, card, [wire]] = sent[1]!;
  expect([kind, card, wire!.length]).toEqual(['card', 1, 60]);
  expect([...wire!.subarray(0, 42)]).toEqual([...ethernet(42)]);
});

it('counts what no wire can carry', () => {
  const { cards, sent } = rig();
  const broken = superFrameFromWire(ethernet(60), 1500);
  broken[1] = gsoTypes.TCPV4;
  cards.sendFrames(1, [broken, superFrameFromWire(ethernet(1600), 1500)]);
  expect(sent).toEqual([]);
  expect(cards.unfit[1]).toEqual({ malformed: 1, 'too-big': 1 });
});

it('makes super-frames of what physical cards send, under the NIC’s number', () => {
  const { cards, listeners } = rig();
  const heard: [number, Uint8Array[]][] = [];
  const stop = cards.onFrames((nic, frames) => void heard.push([nic, frames]));
  listeners.card!(0, [ethernet(60)]);
  listeners.virtio!(0, [ethernet(72)]);
  expect(heard.map(([nic, [frame]]) => [nic, frame!.length])).toEqual([
    [1, 60 + VIRTIO_NET_HEADER_BYTES],
    [0, 72],
  ]);
  stop();
  expect(listeners).toEqual({});
});
