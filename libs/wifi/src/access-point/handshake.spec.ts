import {
  EAPOL_ETHER_TYPE,
  encodeEapolKey,
  Ieee80211Frame,
  llcSnap,
  msduEtherType,
  parseMac,
  readEapolKey,
  type Element,
} from '@v3vee/wire';
import { signEapol } from './crypto/keys';
import { BROADCAST, BSSID, Cell, ethernet, PASSPHRASE, payload, WIRED } from './testing/cell.fixture';
import { rsnPsk, type AnswerGate, type ScriptedStation } from './testing/station.fixture';

const secured = { passphrase: PASSPHRASE };
const drop: AnswerGate = () => undefined;

/** What the access point sent to a station, apart from beacons: kinds in order, and when. */
function sent(cell: Cell): string[] {
  const list: string[] = [];
  const start = cell.clock.now();
  cell.air.tap(({ from, frame: bytes, time }) => {
    const frame = Ieee80211Frame.read(bytes);
    if (from !== 'ap/home' || frame.isBeacon) return;
    const isEapol = frame.isData && msduEtherType(frame.body) === EAPOL_ETHER_TYPE;
    const what = isEapol
      ? `eapol ${readEapolKey(frame.body.subarray(8)).information}`
      : `${frame.type}/${frame.subtype}`;
    const detail = frame.isManagement && frame.subtype === 12 ? ` ${frame.body.join()}` : '';
    list.push(`${Math.round(time - start)} ${what}${detail}`);
  });
  return list;
}

describe('the 4-way handshake', () => {
  it('authorizes a station that has the passphrase, and gives it the keys', () => {
    const cell = new Cell(secured);
    const station = cell.member(secured);
    expect(cell.kinds()).toEqual(['authenticated', 'associated', 'authorized']);
    expect(station.supplicant!.rsnOfAp).toEqual(Uint8Array.from([48, rsnPsk.length, ...rsnPsk]));
    station.send(WIRED, payload(1));
    cell.ap.deliver(ethernet(station.address, WIRED, 2));
    cell.ap.deliver(ethernet(BROADCAST, WIRED, 3));
    cell.clock.turn(20);
    expect(cell.arrived).toEqual([ethernet(WIRED, station.address, 1)]);
    expect(station.unicast).toMatchObject([{ source: WIRED, msdu: payload(2) }]);
    expect(station.group).toMatchObject([{ source: WIRED, msdu: payload(3) }]);
    expect(station.frames.filter(frame => frame.isData && frame.protected).length).toBe(2);
    expect(cell.ap.counters).toMatchObject({ handshakes: 1, handshakesFailed: 0 });
  });

  it('lets nothing through before it is done', () => {
    const cell = new Cell(secured);
    const station = cell.station(secured);
    station.gate = drop;
    station.connect();
    cell.clock.turn(20);
    station.send(WIRED, payload(1));
    cell.ap.deliver(ethernet(station.address, WIRED, 2));
    cell.clock.turn(20);
    expect([cell.arrived, station.unicast]).toEqual([[], []]);
    expect(cell.ap.counters.dropped).toMatchObject({ 'not-authorized': 1, 'no-station': 1 });
  });

  it.each<[string, 2 | 4]>([
    ['message 2', 2],
    ['message 4', 4],
  ])('goes on when the first tries of %s are lost', (_, number) => {
    const cell = new Cell(secured);
    const station = cell.station(secured);
    let lost = 0;
    station.gate = (message, answer) => (message === number && lost++ < 3 ? undefined : answer);
    station.connect();
    cell.clock.turn(2_000);
    expect(cell.info(station)?.state).toBe('associated');
    cell.clock.turn(1_200);
    expect(cell.info(station)?.state).toBe('authorized');
    // A fourth message that is sent again comes under the keys that the first one installed.
    expect(Ieee80211Frame.read(station.answers.at(-1)!).protected).toBe(number === 4);
    cell.ap.deliver(ethernet(station.address, WIRED, 1));
    cell.clock.turn(20);
    expect(station.unicast.length).toBe(1);
  });

  it('takes an answer to any of its tries: a slow station answers late', () => {
    const cell = new Cell(secured);
    const station = cell.station(secured);
    const answers: Uint8Array[] = [];
    station.gate = (_, answer) => void answers.push(answer);
    station.connect();
    cell.clock.turn(1_500);
    expect(answers.length).toBe(3);
    station.gate = (_, answer) => answer;
    station.sendEapol(answers[0]!);
    cell.clock.turn(20);
    expect(cell.info(station)?.state).toBe('authorized');
  });

  it('ends in deauthentication when nobody answers', () => {
    for (const number of [2, 4]) {
      const cell = new Cell(secured);
      const station = cell.station(secured);
      station.gate = (message, answer) => (message === number ? undefined : answer);
      station.connect();
      cell.clock.turn(3_000);
      expect(station.sentAway).toEqual([]);
      cell.clock.turn(200);
      expect(station.sentAway).toEqual([15]);
      expect(cell.ap.stations()).toEqual([]);
      expect(cell.events.slice(-2)).toEqual([
        { kind: 'handshakeFailed', station: station.options.mac, waitedFor: `message ${number}` },
        { kind: 'left', station: station.options.mac, reason: 15, by: 'accessPoint' },
      ]);
    }
  });

  const otherRsn: Element[] = [{ id: 48, value: Uint8Array.from([...rsnPsk.subarray(0, -2), 1, 0]) }];
  it('looks the same on the air whatever was wrong with message 2', () => {
    const seen = (change: (station: ScriptedStation) => void, passphrase = PASSPHRASE) => {
      const cell = new Cell(secured);
      const station = cell.station({ passphrase });
      change(station);
      const list = sent(cell);
      station.connect();
      cell.clock.turn(5_000);
      expect(station.sentAway).toEqual([15]);
      return list;
    };
    const silent = seen(station => (station.gate = drop));
    expect(silent.map(line => line.split(' ').slice(1).join(' '))).toEqual([
      '0/11',
      '0/1',
      ...Array.from({ length: 4 }, () => 'eapol 138'),
      '0/12 15,0',
    ]);
    const wrong: Record<string, string[]> = {
      passphrase: seen(() => undefined, 'another passphrase'),
      mic: seen(station => (station.gate = (_, answer) => answer.fill(1, 90, 91))),
      nonce: seen(station => (station.gate = (_, answer) => answer.fill(1, 20, 21))),
      rsn: seen(station => {
        station.gate = (_, answer) => {
          station.elements = otherRsn;
          return answer;
        };
        // The request on the air said something else than the station meant.
        const { elements } = station;
        const transmit = station.transmit.bind(station);
        station.transmit = frame => {
          if (frame[0] === 0) station.elements = elements.map(e => (e.id === 48 ? otherRsn[0]! : e));
          transmit(frame);
        };
      }),
      counter: seen(station => (station.gate = (_, answer) => answer.fill(255, 9, 10))),
      garbage: seen(station => (station.gate = () => Uint8Array.of(2, 3, 0, 95, 2))),
    };
    for (const [what, lines] of Object.entries(wrong)) expect([what, lines]).toEqual([what, silent]);
  });

  it('is not disturbed by EAPOL garbage, floods and replays', () => {
    const cell = new Cell(secured);
    const station = cell.station(secured);
    station.gate = (message, answer) => {
      for (const junk of [[], [0], [2, 1, 0, 0], [2, 3, 255, 255, 2], Array.from(answer, () => 255)]) {
        station.sendEapol(Uint8Array.from(junk));
      }
      for (let i = 0; i < 200; i++) station.sendEapol(Uint8Array.from(answer).fill(i, 81, 97));
      station.sendEapol(answer.slice());
      if (message === 4) for (let i = 0; i < 20; i++) station.sendEapol(answer.slice());
      return answer;
    };
    station.connect();
    cell.clock.turn(1_000);
    expect(cell.info(station)?.state).toBe('authorized');
    expect(cell.ap.counters.handshakes).toBe(1);
    expect(station.sentAway).toEqual([]);
    expect(cell.ap.counters.dropped.eapol).toBeGreaterThan(100);
    cell.ap.deliver(ethernet(station.address, WIRED, 1));
    cell.clock.turn(20);
    expect(station.unicast.length).toBe(1);
  });

  it('installs keys once: whatever is sent again moves no packet number back', () => {
    const cell = new Cell(secured);
    const station = cell.station(secured);
    const answers: Uint8Array[] = [];
    station.gate = (_, answer) => {
      answers.push(answer);
      return answer;
    };
    station.connect();
    cell.clock.turn(50);
    // The fixture throws when a packet number comes twice.
    for (let round = 0; round < 10; round++) {
      cell.ap.deliver(ethernet(station.address, WIRED, round));
      for (const answer of answers) station.sendEapol(answer);
      for (const frame of station.answers.slice()) station.transmit(frame);
      cell.clock.turn(20);
    }
    expect(station.unicast.length).toBe(10);
    expect(cell.ap.counters.handshakes).toBe(1);
  });

  it('begins anew with each association: other nonces, other keys', () => {
    const cell = new Cell(secured);
    const station = cell.member(secured);
    const first = station.session!;
    const { tk } = station.supplicant!.keys!;
    cell.ap.deliver(ethernet(station.address, WIRED, 1));
    station.associate(parseMac(BSSID));
    cell.clock.turn(50);
    expect(cell.info(station)?.state).toBe('authorized');
    expect(station.supplicant!.keys!.tk).not.toEqual(tk);
    station.session = first;
    station.send(WIRED, payload(1));
    cell.clock.turn(20);
    expect(cell.arrived).toEqual([]);
    expect(cell.ap.counters.dropped.mic + cell.ap.counters.dropped.replay).toBe(1);
  });

  it('that was under way when the station left does not touch its next association', () => {
    const cell = new Cell(secured);
    const station = cell.station(secured);
    station.gate = drop;
    station.connect();
    cell.clock.turn(1_500);
    station.leave();
    station.gate = (_, answer) => answer;
    station.connect();
    cell.clock.turn(10_000);
    expect(cell.info(station)?.state).toBe('authorized');
    expect(station.sentAway).toEqual([]);
    expect(cell.ap.counters).toMatchObject({ handshakes: 1, handshakesFailed: 0 });
  });

  it('belongs to the access point: nobody speaks for it from beyond', () => {
    const cell = new Cell(secured);
    const [station, other] = [cell.member(secured), cell.member(secured)];
    const forged = llcSnap(
      EAPOL_ETHER_TYPE,
      signEapol(
        new Uint8Array(16),
        encodeEapolKey({
          information: 0x138a,
          keyLength: 16,
          replayCounter: 99n,
          nonce: new Uint8Array(32),
          rsc: new Uint8Array(8),
          data: new Uint8Array(24),
        }),
      ),
    );
    cell.ap.deliver(Uint8Array.from([...station.address, ...WIRED, ...forged.subarray(6)]));
    other.send(station.address, forged);
    other.send(BROADCAST, forged);
    cell.clock.turn(20);
    expect(cell.ap.counters.dropped.eapol).toBe(3);
    expect(station.frames.filter(frame => frame.isData).length).toBe(2);
    expect(cell.arrived).toEqual([]);
  });
});

describe('protected data', () => {
  it.each<[string, (station: ScriptedStation) => Uint8Array[], string]>([
    ['plain', station => [station.dataFrame(WIRED, payload(1), { plain: true })], 'unprotected'],
    [
      'sent again with another sequence number',
      station => {
        const frame = station.dataFrame(WIRED, payload(9));
        const again = frame.slice();
        again[23] = 0x77;
        return [frame, again];
      },
      'replay',
    ],
    [
      'changed',
      station => {
        const frame = station.dataFrame(WIRED, payload(1));
        frame[frame.length - 10] = (frame[frame.length - 10] as number) ^ 1;
        return [frame];
      },
      'mic',
    ],
    ['cut behind its header', station => [station.dataFrame(WIRED, payload(1)).subarray(0, 34)], 'no-key'],
  ])('is dropped when it is %s', (_, make, reason) => {
    const cell = new Cell(secured);
    const station = cell.member(secured);
    const frames = make(station);
    for (const frame of frames) station.transmit(frame);
    cell.clock.turn(20);
    expect(cell.ap.counters.dropped).toMatchObject({ [reason]: 1 });
    expect(cell.arrived.length).toBe(frames.length - 1);
  });

  it('is replayed in no TID, and counted in each for itself', () => {
    const cell = new Cell(secured);
    const station = cell.member(secured);
    const [first, second] = [0, 5].map(tid => station.dataFrame(WIRED, payload(tid), { tid })) as [
      Uint8Array,
      Uint8Array,
    ];
    // Frames of another priority overtake.
    for (const frame of [second, first]) station.transmit(frame);
    cell.clock.turn(20);
    expect(cell.arrived.length).toBe(2);
    for (const frame of [second, first]) {
      frame[22] = (frame[22] as number) ^ 0x10;
      station.transmit(frame);
    }
    cell.clock.turn(20);
    expect(cell.arrived.length).toBe(2);
    expect(cell.ap.counters.dropped.replay).toBe(2);
  });
});
