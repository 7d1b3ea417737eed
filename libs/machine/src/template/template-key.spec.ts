import { devicesIdentity } from '../worker/devices';
import { templateKey, type TemplateSource } from './template-key';

const source: TemplateSource = {
  image: {} as TemplateSource['image'],
  imageDigest: 'a',
  memoryMiB: 64,
  nicCount: 1,
  firmware: { bios: Uint8Array.of(1), vgaBios: Uint8Array.of(2) },
};

it('is the same for the same machine', () => {
  expect(templateKey({ ...source })).toBe(templateKey(source));
});

it.each<[string, Partial<TemplateSource>]>([
  ['image', { imageDigest: 'b' }],
  ['memory', { memoryMiB: 128 }],
  ['number of NICs', { nicCount: 2 }],
  ['number of Wi-Fi NICs', { wifiCount: 1 }],
  ['device', { devices: [{ class: 'virtio-balloon', id: 'balloon', options: {} }] }],
  ['firmware', { firmware: { bios: Uint8Array.of(3), vgaBios: Uint8Array.of(2) } }],
])('is another for another %s', (_, change) => {
  expect(templateKey({ ...source, ...change })).not.toBe(templateKey(source));
});

it('covers the devices with their features and queues, so that a guest boots anew where these change', () => {
  // virtio console with MULTIPORT and six queues; network card with a control queue (features 17 … 23)
  expect(devicesIdentity(['a', 'b'], 1)).toEqual([
    'a',
    'b',
    expect.stringMatching(/^virtio 3 features=130000002 queues=(\d+,){5}\d+ config=\d+$/),
    'virtio 1 features=130bfbbab queues=256,256,64 config=12',
  ]);
  expect(devicesIdentity([], 0, 2)).toEqual([
    expect.stringMatching(/^virtio 3 /),
    'virtio 29 features=130000000 queues=256,256 config=0',
  ]);
});
