import { decode, encode, RECURSION_DESIRED, type Packet, type Question } from 'dns-packet';
import { parseIpv4 } from '@v3vee/wire';
import { generator } from '../testing/frames';
import { DnsResponder } from './dns-responder';
import { LeaseTable } from './lease-table';
import { Members, toSubnet } from './members';

const B_MAC = '02:00:00:00:00:0b';
const members = new Members([
  {
    name: 'a1',
    mac: '02:00:00:00:00:0a',
    fixed: parseIpv4('10.10.0.11'),
    reported: ['10.10.0.66', 'fd00::11'],
  },
  { name: 'b1', mac: B_MAC, fixed: null, reported: [] },
  { name: 'c1', mac: '02:00:00:00:00:0c', fixed: null, reported: ['10.10.0.13'] },
  { name: 'd1', mac: '02:00:00:00:00:0d', fixed: null, reported: [] },
  { name: 'liar', mac: '02:00:00:00:00:0e', fixed: null, reported: ['10.10.0.11', '10.10.0.12'] },
  ...Array.from({ length: 40 }, (_, i) => ({
    name: 'many',
    mac: `02:00:00:00:01:${(i + 16).toString(16)}`,
    fixed: parseIpv4(`10.10.1.${i}`),
    reported: [],
  })),
]);
const leases = new LeaseTable(toSubnet('10.10.0.0/16', '10.10.0.1'), members, [
  { mac: B_MAC, address: parseIpv4('10.10.0.12'), expiresAt: 1_000 },
]);
const dns = new DnsResponder(
  { domain: 'lan.internal', network: 'lan' },
  () => members,
  leases,
  () => 500,
);
const late = new DnsResponder(
  { domain: 'lan.internal', network: 'lan' },
  () => members,
  leases,
  () => 2_000,
);

const query = (question: Partial<Question>, rest: Packet = {}) =>
  encode({
    type: 'query',
    id: 77,
    flags: RECURSION_DESIRED,
    questions: [{ type: 'A', class: 'IN', name: 'a1', ...question }],
    ...rest,
  });
const edns = (version = 0, udpPayloadSize = 4096): Packet => ({
  additionals: [
    {
      type: 'OPT',
      name: '.',
      udpPayloadSize,
      extendedRcode: 0,
      ednsVersion: version,
      flags: 0,
      flag_do: false,
      options: [],
    },
  ],
});
function ask(question: Partial<Question>, responder = dns, additions?: Packet) {
  const answer = responder.answer(query(question, additions))!;
  const { answers, questions, ...others } = decode(Buffer.from(answer));
  const { rcode } = others as unknown as { rcode: string };
  expect(questions?.[0]?.name).toBe(question.name);
  return [rcode, ...(answers ?? []).map(answer => `${answer.type} ${(answer as { data: string }).data}`)];
}
const exists = ['NOERROR'];
const unknown = ['NXDOMAIN'];

describe('the DNS responder', () => {
  it.each([
    ['a1', ['NOERROR', 'A 10.10.0.11']],
    ['A1.Lan', ['NOERROR', 'A 10.10.0.11']],
    ['a1.lan.internal', ['NOERROR', 'A 10.10.0.11']],
    ['b1', ['NOERROR', 'A 10.10.0.12']],
    ['c1.lan.internal', ['NOERROR', 'A 10.10.0.13']],
    ['d1', exists],
    ['zz', unknown],
    ['a1.other', unknown],
    ['a1.internal', unknown],
    ['x.a1.lan.internal', unknown],
    ['lan.internal', unknown],
    ['example.com', unknown],
    ['.', unknown],
    ['__proto__', unknown],
    ['constructor', unknown],
  ])('%s is %j', (name, answer) => expect(ask({ name })).toEqual(answer));

  it('answers for IPv6 and other types, without saying that the name does not exist', () => {
    expect(ask({ name: 'a1', type: 'AAAA' })).toEqual(['NOERROR', 'AAAA fd00::11']);
    expect(ask({ name: 'b1', type: 'AAAA' })).toEqual(exists);
    expect(ask({ name: 'a1', type: 'MX' })).toEqual(exists);
    expect(ask({ name: 'a1', type: 'ANY' as 'A' })).toEqual(['NOERROR', 'A 10.10.0.11', 'AAAA fd00::11']);
  });

  it.each([
    ['11.0.10.10.in-addr.arpa', ['NOERROR', 'PTR a1.lan.internal']],
    ['12.0.10.10.IN-ADDR.arpa', ['NOERROR', 'PTR b1.lan.internal']],
    ['13.0.10.10.in-addr.arpa', ['NOERROR', 'PTR c1.lan.internal']],
    ['99.0.10.10.in-addr.arpa', unknown],
    ['999.0.10.10.in-addr.arpa', unknown],
    ['10.10.in-addr.arpa', unknown],
  ])('%s is %j', (name, answer) => expect(ask({ name, type: 'PTR' })).toEqual(answer));

  it('does not answer with a lease that has ended', () => expect(ask({ name: 'b1' }, late)).toEqual(exists));

  it('takes EDNS, answers with it, and refuses other versions of it', () => {
    expect(ask({ name: 'a1' }, dns, edns())).toEqual(['NOERROR', 'A 10.10.0.11']);
    const { additionals } = decode(Buffer.from(dns.answer(query({ name: 'a1' }, edns()))!));
    expect(additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1232, ednsVersion: 0 }]);
    const refused = decode(Buffer.from(dns.answer(query({ name: 'a1' }, edns(1)))!));
    expect(refused.additionals).toMatchObject([{ type: 'OPT', extendedRcode: 1 }]);
  });

  it('keeps to the size that the asker takes', () => {
    const size = (rest?: Packet) => dns.answer(query({ name: 'many' }, rest))!.length;
    expect(size()).toBeGreaterThan(480);
    expect(size()).toBeLessThanOrEqual(512);
    expect(size(edns(0, 700))).toBeGreaterThan(670);
    expect(size(edns(0, 700))).toBeLessThanOrEqual(700);
    expect(ask({ name: 'many' }, dns, edns())).toHaveLength(41);
  });

  it('gives back the identification, the question octet by octet, and the wish for recursion', () => {
    const bytes = query({ name: 'zzzz' });
    bytes.set([0xff, 0x2e, 0x00, 0xc0], 13);
    const answer = dns.answer(bytes)!;
    expect(answer.subarray(0, 2)).toEqual(Uint8Array.of(0, 77));
    expect(answer[2]).toBe(0x85);
    expect(answer[3]).toBe(3);
    expect(answer.subarray(12)).toEqual(Uint8Array.from(bytes.subarray(12)));
  });

  it.each([
    ['other operations', query({}, { flags: 0x2800 }), 4],
    ['other classes', query({ class: 'CH' }), 5],
    [
      'two questions',
      query(
        {},
        {
          questions: [
            { type: 'A', name: 'a1' },
            { type: 'A', name: 'b1' },
          ],
        },
      ),
      1,
    ],
    ['no question', encode({ type: 'query', questions: [] }), 1],
    ['a name that points at itself', Buffer.from(query({})).fill(Buffer.from([0xc0, 12]), 12, 14), 1],
    ['a label that ends behind the message', query({}).fill(63, 12, 13), 1],
    ['a cut question', query({}).subarray(0, 17), 1],
  ])('refuses %s', (_, bytes, code) => expect(dns.answer(bytes)![3]! & 15).toBe(code));

  it('does not answer answers, nor what is too short to be answered', () => {
    expect(dns.answer(encode({ type: 'response', questions: [{ type: 'A', name: 'a1' }] }))).toBeUndefined();
    expect(dns.answer(query({}).subarray(0, 11))).toBeUndefined();
  });

  it('answers any octets or nothing, and never with more than fits', () => {
    const next = generator(11);
    const good = [query({}), query({ name: 'a1.lan.internal' }, edns()), query({ name: 'many' })];
    for (let i = 0; i < 5_000; i++) {
      const bytes = Uint8Array.from(good[next(good.length)]!).subarray(0, 12 + next(60));
      for (let flips = next(8); flips > 0; flips--) bytes[next(bytes.length)] = next(256);
      const answer = dns.answer(bytes);
      if (answer) expect(answer.length).toBeLessThanOrEqual(1232);
    }
  });
});
