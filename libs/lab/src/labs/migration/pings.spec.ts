import { seenBy } from './pings';

const line = (seq: number, ms: number) => `64 bytes from 10.0.0.1: icmp_seq=${seq} ttl=64 time=${ms} ms`;
const end = (sent: number, received: number) =>
  `${sent} packets transmitted, ${received} received, 0% packet loss`;

it('sees the longest wait for an answer, lost ones included', () => {
  const lines = [line(1, 0.9), line(2, 41.5), line(3, 31.4), line(4, 0.8)];
  expect(seenBy([...lines, end(4, 4)].join('\n'))).toEqual({ lost: 0, gapMs: 41.5 });
  expect(seenBy([line(1, 1), line(5, 2), end(5, 2)].join('\n'))).toEqual({ lost: 3, gapMs: 32 });
});

it('says what ping said when that is no such text', () => {
  expect(() => seenBy('ping: bad address')).toThrow('bad address');
});
