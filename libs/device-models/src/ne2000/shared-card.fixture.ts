// eslint-disable-next-line @nx/enforce-module-boundaries -- the cards' test kit is no part of what the library offers
import { ethernetFrame, MAC_A, MAC_B } from '../../../devices/src/ethernet/testing';
import { LinuxDriver } from './driver.fixture';
import { vmmRig, type VmmRig } from './vmm.fixture';

type Name = 'a' | 'b';
const MACS = { a: MAC_A, b: MAC_B };

/** Two guests with Linux's driver, each with its VMM, and one card that only one of them has. */
export class SharedCard {
  private readonly rig: VmmRig = vmmRig(MAC_A);
  private readonly away: Partial<Record<Name, ReturnType<VmmRig['card']['takeContext']>>> = {};
  holder: Name = 'a';
  readonly a = this.driver('a');
  readonly b = this.driver('b');

  constructor() {
    this.a.open();
    this.give('b');
    this.b.open();
    this.give('a');
  }

  private driver(name: Name): LinuxDriver {
    const hold = () => {
      if (this.holder !== name) throw new Error(`${name} has not got the card`);
    };
    return new LinuxDriver({
      read: (offset, size) => (hold(), this.rig.card.read(offset, size)),
      write: (offset, size, value) => (hold(), this.rig.card.write(offset, size, value)),
    });
  }

  get counts() {
    return this.rig.card.counts;
  }
  get sent(): Uint8Array[] {
    return this.rig.wire.sent;
  }
  get lineUp(): boolean {
    return this.rig.card.lineUp;
  }
  get reusable(): true | string {
    return this.rig.card.reusable;
  }

  give(name: Name): void {
    this.away[this.holder] = this.rig.card.takeContext();
    this.rig.silicon.setMac(MACS[name]);
    this.rig.card.putContext(this.away[name] ?? null);
    this.holder = name;
  }

  /** The other guest has the card for a while, and uses it for all that it is good for. */
  elsewhere(): void {
    const [self, other] = this.holder === 'a' ? (['a', 'b'] as const) : (['b', 'a'] as const);
    this.give(other);
    const sent = this.sent.length;
    for (let i = 0; i < 3; i++) {
      this[other].send(ethernetFrame(MACS[self], 1000 + 250 * i, 0xe0 + i));
      this.receive(1400, 0xf0 + i);
      this.serve();
    }
    this.sent.splice(sent); // so that a test sees the first guest's only
    this.give(self);
  }

  /** A frame to the holder. */
  receive(length: number, fill: number): Uint8Array {
    const frame = ethernetFrame(MACS[this.holder], length, fill);
    this.deliver(frame);
    return frame;
  }

  deliver(frame: Uint8Array): void {
    this.rig.silicon.receive(frame);
  }

  /** The holder's interrupts, while there are some. */
  serve(): void {
    while (this.lineUp) this[this.holder].interrupt();
  }
}
