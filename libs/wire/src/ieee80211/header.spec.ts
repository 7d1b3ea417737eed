import { formatMac, parseMac } from '../mac-address';
import { WireError } from '../wire-error';
import {
  dataSubtypes,
  frameControl,
  frameTypes,
  Ieee80211Frame,
  ieee80211Frame,
  managementSubtypes,
  setFrameControl,
} from './header';
import { acknowledgement, nullToAp, nullToStation, psPoll, psPollAid } from './short-frames';

const [ap, station, other] = ['02:00:00:00:aa:01', '02:00:00:00:00:01', '02:00:00:00:00:02'].map(
  parseMac,
) as [Uint8Array, Uint8Array, Uint8Array];
const body = Uint8Array.of(1, 2, 3);
const data = (subtype: number, flags: number) =>
  ieee80211Frame(
    {
      type: frameTypes.DATA,
      subtype,
      flags,
      addr1: ap,
      addr2: station,
      addr3: other,
      sequence: 4095,
      fragment: 3,
      tid: 5,
    },
    body,
  );

describe('the view of an 802.11 frame', () => {
  it('shows the fields where they stand, without copying', () => {
    const bytes = data(
      dataSubtypes.DATA,
      frameControl.TO_DS | frameControl.RETRY | frameControl.POWER_MANAGEMENT,
    );
    const frame = Ieee80211Frame.read(bytes);
    expect(frame).toMatchObject({
      type: 2,
      subtype: 0,
      toDs: true,
      fromDs: false,
      retry: true,
      powerManagement: true,
      moreData: false,
      moreFragments: false,
      protected: false,
      order: false,
      isData: true,
      isQos: false,
      isNull: false,
      isManagement: false,
      isControl: false,
      isGroupAddressed: false,
      sequence: 4095,
      fragment: 3,
      headerLength: 24,
      receiver: '02:00:00:00:aa:01',
      transmitter: '02:00:00:00:00:01',
      tid: undefined,
      isAmsdu: false,
    });
    expect([frame.destination, frame.source, frame.bssid].map(mac => formatMac(mac))).toEqual(
      [other, station, ap].map(mac => formatMac(mac)),
    );
    expect(frame.body).toEqual(body);
    expect(frame.body.buffer).toBe(bytes.buffer);
  });

  it('has a QoS field where the subtype says so', () => {
    const bytes = data(dataSubtypes.QOS_DATA, frameControl.FROM_DS);
    const frame = Ieee80211Frame.read(bytes);
    expect(frame).toMatchObject({ isQos: true, tid: 5, headerLength: 26, isAmsdu: false });
    expect(frame.body).toEqual(body);
    expect([frame.destination, frame.source, frame.bssid]).toEqual([ap, other, station]);
    bytes[24] = 0x80;
    expect(frame.isAmsdu).toBe(true);
  });

  it('has a fourth address between distribution systems, and HT control where the order bit says so', () => {
    const bytes = new Uint8Array(24 + 6 + 2 + 4 + 1);
    bytes.set([0x88, 0x83]);
    bytes.set(other, 24);
    bytes[30] = 9;
    const frame = Ieee80211Frame.read(bytes);
    expect(frame).toMatchObject({ headerLength: 36, tid: 9 });
    expect(frame.source).toEqual(other);
    expect(frame.bssid.length).toBe(0);
    expect(() => Ieee80211Frame.read(bytes.subarray(0, 35))).toThrow('takes 36 bytes, there are 35');
  });

  it('knows management frames', () => {
    const of = (subtype: number, addr1: Uint8Array) =>
      Ieee80211Frame.read(
        ieee80211Frame({ type: frameTypes.MANAGEMENT, subtype, addr1, addr2: ap, addr3: ap }),
      );
    const beacon = of(managementSubtypes.BEACON, new Uint8Array(6).fill(255));
    expect(beacon).toMatchObject({ isBeacon: true, isGroupAddressed: true, isProbeRequest: false });
    expect(of(managementSubtypes.PROBE_REQUEST, ap).isProbeRequest).toBe(true);
    expect(of(managementSubtypes.PROBE_RESPONSE, station)).toMatchObject({
      isProbeResponse: true,
      bssid: ap,
    });
  });

  it('has what short frames have, and empty addresses for the rest', () => {
    const poll = Ieee80211Frame.read(psPoll(2007, ap, station));
    expect(poll).toMatchObject({ isPsPoll: true, headerLength: 16, hasSequence: false, sequence: 0 });
    expect(psPollAid(poll.duration)).toBe(2007);
    expect(poll.transmitter).toBe('02:00:00:00:00:01');
    const ack = Ieee80211Frame.read(acknowledgement(station));
    expect(ack).toMatchObject({ headerLength: 10, transmitter: undefined, receiver: '02:00:00:00:00:01' });
    expect([ack.addr2.length, ack.addr3.length, ack.addr4.length]).toEqual([0, 0, 0]);
    const asleep = Ieee80211Frame.read(nullToAp(ap, station, { sleeps: true, sequence: 7 }));
    expect(asleep).toMatchObject({ isNull: true, toDs: true, powerManagement: true, sequence: 7 });
    expect(Ieee80211Frame.read(nullToStation(ap, station))).toMatchObject({ isNull: true, fromDs: true });
  });

  it('is refused where the header is cut or of another version', () => {
    for (const [bytes, length] of [
      [acknowledgement(station), 10],
      [psPoll(1, ap, station), 16],
      [data(dataSubtypes.DATA, 0), 24],
      [data(dataSubtypes.QOS_DATA, 0), 26],
    ] as const) {
      expect(Ieee80211Frame.read(bytes.subarray(0, length)).body.length).toBe(0);
      expect(() => Ieee80211Frame.read(bytes.subarray(0, length - 1))).toThrow(WireError);
    }
    expect(() => Ieee80211Frame.read(data(0, 0).fill(1, 0, 1))).toThrow('protocol version 1 is not 0');
  });

  it('has its flags changed in place', () => {
    const bytes = data(dataSubtypes.DATA, frameControl.TO_DS);
    setFrameControl(bytes, frameControl.MORE_DATA, true);
    expect(Ieee80211Frame.read(bytes)).toMatchObject({ moreData: true, toDs: true });
    setFrameControl(bytes, frameControl.MORE_DATA, false);
    expect(Ieee80211Frame.read(bytes).moreData).toBe(false);
  });
});
