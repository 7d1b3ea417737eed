import { formatIpv4, parseIpv4, WireError } from '@v3vee/wire';
import { addressOption, dhcpRequest, readDhcp } from '../testing/station';
import { DhcpServer, type DhcpSettings } from './dhcp-server';
import { LeaseTable, type Lease } from './lease-table';
import { Members, toSubnet } from './members';

const [A, B, FIXED] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b', '02:00:00:00:00:0f'];
const subnet = toSubnet('10.10.0.0/24', '10.10.0.1');
const members = new Members([
  { name: 'a1', mac: A, fixed: null, reported: [] },
  { name: 'b1', mac: B, fixed: null, reported: [] },
  { name: 'f1', mac: FIXED, fixed: parseIpv4('10.10.0.77'), reported: [] },
]);

function world(settings: Partial<DhcpSettings> = {}) {
  const clock = { now: 1_000_000 };
  const saved: Lease[] = [];
  const log = { save: async (lease: Lease) => void saved.push({ ...lease }) };
  const leases = new LeaseTable(subnet, members);
  const server = new DhcpServer(
    { subnet, domain: 'lan.internal', dns: true, mtu: null, ...settings },
    leases,
    log,
    () => clock.now,
  );
  const ask = async (
    mac: string,
    ...rest: [Parameters<typeof dhcpRequest>[1], Parameters<typeof dhcpRequest>[2]?]
  ) => {
    const reply = await server.handle(dhcpRequest(mac, ...rest), mac);
    return (
      reply && {
        ...readDhcp(reply.message),
        to: reply.to && formatIpv4(reply.to),
        broadcast: reply.broadcast,
      }
    );
  };
  const REQUESTED_ADDRESS = addressOption('10.10.0.2');
  const SERVER_ID = addressOption('10.10.0.1');
  return { clock, saved, log, leases, server, ask, REQUESTED_ADDRESS, SERVER_ID };
}

describe('the DHCP server', () => {
  it('offers an address with all that belongs to it, and lends it when it is written down', async () => {
    const { ask, saved, clock, REQUESTED_ADDRESS, SERVER_ID } = world();
    const offer = await ask(A, 'DISCOVER', { options: { CLIENT_ID: Uint8Array.of(1, 2, 3) } });
    expect(offer).toEqual({
      op: 2,
      transaction: 0x1234,
      type: 'OFFER',
      your: '10.10.0.2',
      client: '0.0.0.0',
      seconds: 3600,
      server: '10.10.0.1',
      mask: '255.255.255.0',
      dns: '10.10.0.1',
      name: 'a1',
      domain: 'lan.internal',
      mtu: undefined,
      clientId: Uint8Array.of(1, 2, 3),
      router: undefined,
      to: '10.10.0.2',
      broadcast: false,
    });
    expect(saved).toEqual([]);
    const ack = await ask(A, 'REQUEST', { options: { REQUESTED_ADDRESS, SERVER_ID } });
    expect(ack).toMatchObject({ type: 'ACK', your: '10.10.0.2', seconds: 3600, to: '10.10.0.2' });
    expect(saved).toEqual([{ mac: A, address: parseIpv4('10.10.0.2'), expiresAt: clock.now + 3_600_000 }]);
  });

  it('answers by broadcast a client that hears nothing else', async () => {
    expect(await world().ask(A, 'DISCOVER', { broadcast: true })).toMatchObject({
      to: null,
      broadcast: true,
    });
  });

  it('tells the MTU where it is special, and no DNS server where there is none', async () => {
    const { ask } = world({ mtu: 1450, dns: false });
    expect(await ask(A, 'DISCOVER')).toMatchObject({
      mtu: Uint8Array.of(5, 170),
      dns: undefined,
      domain: undefined,
    });
  });

  it('gives a defined NIC its address without writing it down', async () => {
    const { ask, saved } = world();
    expect(await ask(FIXED, 'DISCOVER')).toMatchObject({ your: '10.10.0.77' });
    const options = { REQUESTED_ADDRESS: addressOption('10.10.0.77') };
    expect(await ask(FIXED, 'REQUEST', { options })).toMatchObject({ type: 'ACK', your: '10.10.0.77' });
    expect(
      await ask(FIXED, 'REQUEST', { options: { REQUESTED_ADDRESS: addressOption('10.10.0.5') } }),
    ).toMatchObject({
      type: 'NAK',
    });
    expect(saved).toEqual([]);
  });

  it('renews, and writes down only what moves the end noticeably', async () => {
    const { ask, saved, clock, REQUESTED_ADDRESS } = world();
    await ask(A, 'REQUEST', { options: { REQUESTED_ADDRESS } });
    clock.now += 1_000;
    expect(await ask(A, 'REQUEST', { client: '10.10.0.2' })).toMatchObject({
      type: 'ACK',
      client: '10.10.0.2',
      to: '10.10.0.2',
    });
    expect(saved).toHaveLength(1);
    clock.now += 1_800_000;
    await ask(A, 'REQUEST', { client: '10.10.0.2' });
    expect(saved).toHaveLength(2);
  });

  it('honours a wish for a shorter lease, within reason', async () => {
    const { ask } = world();
    const seconds = async (wish: number) =>
      (await ask(A, 'DISCOVER', { options: { LEASE_TIME: Uint8Array.of(0, 0, wish >> 8, wish & 255) } }))
        ?.seconds;
    expect([await seconds(600), await seconds(1), await seconds(60_000)]).toEqual([600, 60, 3600]);
  });

  it('refuses at once, by broadcast, an address that is not the client’s', async () => {
    const { ask, REQUESTED_ADDRESS } = world();
    await ask(A, 'REQUEST', { options: { REQUESTED_ADDRESS } });
    for (const fields of [
      { options: { REQUESTED_ADDRESS } },
      { client: '10.10.0.2' },
      { options: { REQUESTED_ADDRESS: addressOption('192.168.0.2') } },
      {},
    ]) {
      const nak = await ask(B, 'REQUEST', fields);
      expect(nak).toMatchObject({
        type: 'NAK',
        your: '0.0.0.0',
        client: '0.0.0.0',
        to: null,
        seconds: undefined,
      });
    }
  });

  it('forgets its offer when the client takes another server’s', async () => {
    const { ask, REQUESTED_ADDRESS } = world();
    await ask(A, 'DISCOVER');
    expect(await ask(B, 'DISCOVER')).toMatchObject({ your: '10.10.0.3' });
    const options = { REQUESTED_ADDRESS, SERVER_ID: addressOption('10.10.0.99') };
    expect(await ask(A, 'REQUEST', { options })).toBeUndefined();
    expect(await ask('02:99:00:00:00:01', 'DISCOVER')).toMatchObject({ your: '10.10.0.2' });
  });

  it('ends a released lease, keeps the address for its client, and avoids a declined one', async () => {
    const { ask, saved, leases, clock, REQUESTED_ADDRESS } = world();
    await ask(A, 'REQUEST', { options: { REQUESTED_ADDRESS } });
    expect(await ask(A, 'RELEASE', { client: '10.10.0.2' })).toBeUndefined();
    expect(leases.active(A, clock.now)).toBeUndefined();
    expect(saved.at(-1)).toMatchObject({ mac: A, expiresAt: clock.now });
    expect(await ask(A, 'DISCOVER')).toMatchObject({ your: '10.10.0.2' });
    expect(await ask(A, 'REQUEST', { options: { REQUESTED_ADDRESS } })).toMatchObject({ type: 'ACK' });
    await ask(A, 'DECLINE', { options: { REQUESTED_ADDRESS } });
    expect(await ask(A, 'DISCOVER')).toMatchObject({ your: '10.10.0.3' });
  });

  it('informs a station that has an address of its own, without lending one', async () => {
    const { ask, saved } = world();
    const answer = await ask(B, 'INFORM', { client: '10.10.0.200' });
    expect(answer).toMatchObject({
      type: 'ACK',
      your: '0.0.0.0',
      dns: '10.10.0.1',
      seconds: undefined,
      to: '10.10.0.200',
    });
    expect(await ask(B, 'INFORM', { client: '8.8.8.8' })).toBeUndefined();
    expect(saved).toEqual([]);
  });

  it('lends nothing that could not be written down', async () => {
    const { ask, log, REQUESTED_ADDRESS } = world();
    const { save } = log;
    log.save = () => Promise.reject(new Error('no database'));
    await expect(ask(A, 'REQUEST', { options: { REQUESTED_ADDRESS } })).rejects.toThrow('no database');
    log.save = save;
    expect(await ask(A, 'REQUEST', { options: { REQUESTED_ADDRESS } })).toMatchObject({ type: 'ACK' });
  });

  it('does not answer for others, relays, servers and what has no type', async () => {
    const { server, ask } = world();
    expect(await server.handle(dhcpRequest(B, 'DISCOVER'), A)).toBeUndefined();
    expect(await server.handle(dhcpRequest(B, 'RELEASE', { client: '10.10.0.2' }), A)).toBeUndefined();
    expect(await ask(A, 'DISCOVER', { relay: '10.10.0.9' })).toBeUndefined();
    expect(await ask(A, 'OFFER')).toBeUndefined();
    expect(await server.handle(dhcpRequest(A, 'DISCOVER').fill(2, 0, 1), A)).toBeUndefined();
    expect(await server.handle(dhcpRequest(A, 'DISCOVER').fill(255, 240, 241), A)).toBeUndefined();
    await expect(server.handle(new Uint8Array(10), A)).rejects.toThrow(WireError);
  });
});
