import { ethernetFrame, MAC_A, MAC_B } from '@v3vee/devices/src/ethernet/testing';
import { random } from '@v3vee/devices/src/virtio/testing';
import { Driver8139cp, Driver8139too, type Driver } from './drivers.fixture';
import { user } from './guest.fixture';
import { TestVmm } from './vmm.fixture';

const MEMORY = 1 << 20;

const drivers = [
  ['8139too', 'rtl8139', Driver8139too],
  ['8139cp', 'rtl8139c+', Driver8139cp],
] as const;

const same = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean =>
  a.length === b.length && a.every((frame, i) => Buffer.compare(frame, b[i]!) === 0);

/** One request out, one reply in. @returns whether all went as it should */
function ping(driver: Driver, vmm: TestVmm, n: number, length = 98): boolean {
  const [request, reply] = [ethernetFrame(MAC_B, length, n), ethernetFrame(MAC_A, length, n + 1)];
  driver.send(request);
  if (driver.interrupt().length > 0) return false;
  vmm.receive(reply);
  return same(driver.interrupt(), [reply]) && same(vmm.wire.sent.splice(0), [request]);
}

/** How many of a machine's accesses the VMM saw, and how many there were. */
const accesses = ({ count }: TestVmm) => ({
  seen: count.exit + count.shadow,
  all: count.open + count.exit + count.shadow,
});

describe.each(drivers)('%s', (name, variant, Kind) => {
  it('needs the VMM for at most 1 in 30 of its accesses once it has started', () => {
    const vmm = new TestVmm(variant, { size: MEMORY });
    const driver = new Kind(vmm);
    driver.start();
    const started = accesses(vmm);
    for (let n = 0; n < 40; n++) expect(ping(driver, vmm, n)).toBe(true);
    const pinged = accesses(vmm);
    expect((pinged.seen - started.seen) * 30).toBeLessThanOrEqual(pinged.all - started.all);

    // bulk, both ways
    for (let n = 0; n < 500; n++) expect(ping(driver, vmm, n, 1514)).toBe(true);
    const bulk = accesses(vmm);
    expect([bulk.seen - pinged.seen, vmm.denied]).toEqual([0, []]);
  });

  it('goes on with one card after the other, through contexts from outside, and sees no difference', () => {
    const next = random(1);
    let vmm = new TestVmm(variant, { size: MEMORY });
    let driver: Driver = new Kind(vmm);
    driver.start();
    let seen = -accesses(vmm).seen;
    for (let n = 0; n < 60; n++) {
      // it goes while frames wait that the driver has not taken
      const waiting = Array.from({ length: next(12) }, (_, i) => ethernetFrame(MAC_A, 60 + next(1455), i));
      for (const frame of waiting) vmm.receive(frame);
      driver.send(ethernetFrame(MAC_B, 60, n));
      expect([same(vmm.wire.sent.splice(0), [ethernetFrame(MAC_B, 60, n)]), vmm.reusable]).toEqual([
        true,
        true,
      ]);
      const context = vmm.model.checkContext(structuredClone(vmm.takeContext()));
      const other = user(variant, n + 1, 100);
      other.takeContext();
      seen += accesses(vmm).seen;
      const { silicon: left } = other;
      left.setLink(true);
      vmm = vmm.copy(left.save());
      vmm.silicon.setMac(MAC_A);
      vmm.giveContext(context);
      driver = driver.movedTo(vmm);

      expect(vmm.interrupt).toBe(true);
      expect(same(driver.interrupt(), waiting)).toBe(true);
      for (let i = next(8); i > 0; i--) expect(ping(driver, vmm, n + i, 60 + next(1455))).toBe(true);
      if (driver instanceof Driver8139too) expect(driver.unsent).toBe(0);
      expect([vmm.violations, vmm.escaped, vmm.denied]).toEqual([[], [], []]);
    }
    // the first transmission with a context that was not verified is the last that is seen
    expect(seen).toBeLessThanOrEqual(60 + 8);
  });
});
