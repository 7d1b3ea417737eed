import { BROADCAST, ethernetFrame, MAC_A, MAC_B } from '@v3vee/devices/src/ethernet/testing';
import { sendPlus, startC, startPlus } from './guest.fixture';
import { TestVmm, type Context } from './vmm.fixture';

/** What no register sets is wound forward: from every start to every end, and touches nothing else. */

/** Restores a context and says what of `names` the card has then. */
function restored(vmm: TestVmm, context: Context): ReturnType<TestVmm['save']>['registers'] {
  const before = Buffer.from(vmm.memory.bytes());
  vmm.giveContext(context);
  if (vmm.wire.sent.length + vmm.violations.length > 0)
    throw new Error('a frame left, or a DMA was tried beyond memory');
  if (before.compare(vmm.memory.bytes()) !== 0) throw new Error('memory was changed');
  return vmm.silicon.save().registers;
}

const patterned = (vmm: TestVmm): TestVmm => {
  const bytes = vmm.memory.bytes();
  for (let i = 0; i < bytes.length; i++) bytes[i] = i * 7 + (i >> 8);
  return vmm;
};

describe('the receive buffer of C mode', () => {
  it.each([0, 1, 2, 3])('of length %i: CBR comes to any value', length => {
    const vmm = patterned(new TestVmm('rtl8139', { size: 256 << 10 }));
    startC(vmm, length);
    const context = vmm.takeContext();
    const end = 8192 << length;
    const small = Array.from({ length: 50 }, (_, i) => 4 * i);
    const values = [...small, ...small.map(cbr => end - 4 - cbr)];
    for (let cbr = 200; cbr < end; cbr += 4 * 389) values.push(cbr);
    for (const cbr of values) {
      Object.assign(context.registers, { CBR: cbr, CAPR: (cbr + 4711) & 0xffff, TXNEXT: (cbr >> 2) & 3 });
      expect(restored(vmm, context)).toMatchObject({
        ...{ cbr, capr: (cbr + 4711) & 0xffff, txCurrent: (cbr >> 2) & 3, rcr: context.registers.RCR },
        ...{ rbstart: 0x2000, isr: 0, cr: 0x0c },
      });
    }
  });

  it('keeps CBR while the receiver is off, and beyond a buffer that was made shorter', () => {
    const vmm = new TestVmm('rtl8139', { size: 256 << 10 });
    startC(vmm, 3);
    for (let i = 0; i < 20; i++) vmm.receive(ethernetFrame(BROADCAST, 1000, i));
    const cbr = vmm.read(0x3a, 2);
    vmm.write(0x44, 4, 0x8f);
    vmm.write(0x37, 1, 0);
    const context = vmm.takeContext();
    expect(restored(vmm, context)).toMatchObject({ cbr, cr: 0, rcr: 0x8f });
    expect(cbr).toBeGreaterThan(8192);
  });
});

describe.each(['rtl8139', 'rtl8139c+'] as const)('the transmit descriptors of a %s', variant => {
  it.each([0, 1, 2, 3, 4, 5])('go on in turn after %i frames, with their status', count => {
    const vmm = new TestVmm(variant);
    startC(vmm);
    const send = (machine: TestVmm, n: number) => {
      machine.memory.bytes().set(ethernetFrame(MAC_B, 100 + n, n), 0x1000 + 0x400 * (n & 3));
      machine.write(0x10 + 4 * (n & 3), 4, 0x90000 | (100 + n));
    };
    for (let n = 0; n < count; n++) send(vmm, n);
    const statuses = [0x10, 0x14, 0x18, 0x1c, 0x60].map(at => vmm.read(at, 4));
    vmm.giveContext(vmm.takeContext());
    expect([0x10, 0x14, 0x18, 0x1c, 0x60].map(at => vmm.read(at, 4))).toEqual(statuses);
    for (let n = count; n < count + 6; n++) send(vmm, n);
    expect(vmm.wire.sent.map(frame => frame[20])).toEqual(Array.from({ length: count + 6 }, (_, n) => n));
  });

  it('wait for their turn', () => {
    const vmm = new TestVmm(variant);
    startC(vmm);
    vmm.write(0x18, 4, 60);
    vmm.write(0x14, 4, 61);
    expect(vmm.reusable).toBe('transmit descriptor 1 waits');
    vmm.giveContext(vmm.takeContext());
    expect([vmm.wire.sent.length, vmm.read(0x14, 4), vmm.read(0x18, 4)]).toEqual([0, 61, 60]);
    vmm.write(0x10, 4, 62);
    expect(vmm.wire.sent.map(({ length }) => length)).toEqual([62, 61, 60]);
    expect(vmm.reusable).toBe(true);
  });

  it('have a status that loopback has not from the VMM, until it changes', () => {
    const begin = () => {
      const vmm = new TestVmm(variant);
      startC(vmm);
      vmm.setLink(false);
      vmm.write(0x10, 4, 60);
      vmm.write(0x14, 4, 60);
      vmm.giveContext(vmm.takeContext());
      vmm.setLink(true);
      return vmm;
    };
    const both = (vmm: TestVmm) => [vmm.read(0x10, 4), vmm.read(0x14, 4)];
    const vmm = begin();
    expect(both(vmm)).toEqual([0x8000a03c, 0x8000a03c]);
    vmm.write(0x37, 1, 0x0c); // on already
    expect(both(vmm)).toEqual([0x8000a03c, 0x8000a03c]);
    vmm.write(0x10, 4, 0x203c);
    expect(both(vmm)).toEqual([0x203c, 0x8000a03c]);
    vmm.write(0x37, 1, 0x08);
    vmm.write(0x37, 1, 0x0c);
    expect(both(vmm)).toEqual([0x2000, 0x2000]);
    const other = begin();
    other.write(0x37, 1, 0x10);
    expect(both(other)).toEqual([0x2000, 0x2000]);
  });
});

describe('the rings of C+ mode', () => {
  it('come to any position', () => {
    const vmm = patterned(new TestVmm('rtl8139c+'));
    startPlus(vmm);
    const context = vmm.takeContext();
    for (let n = 0; n < 64; n++) {
      const wanted = { TNPNEXT: n, THPNEXT: (n * 5 + 3) & 63, RXNEXT: 63 - n, TXNEXT: n & 3, CBR: 4 * n };
      Object.assign(context.registers, wanted);
      expect(restored(vmm, context)).toMatchObject({
        ...{ txNormal: n, txHigh: (n * 5 + 3) & 63, rxCurrent: 63 - n, txCurrent: n & 3, cbr: 4 * n },
        ...{ cpcr: 3, cr: 0x0c, rdsar: 0x1400, isr: 0, polled: 0 },
      });
      expect(vmm.takeContext().registers).toEqual(context.registers);
      vmm.giveContext(context);
    }
  });

  it.each([0x1400, 0xfc00, 0xf000, 0])('wherever the receive ring is: %i', ring => {
    const vmm = patterned(new TestVmm('rtl8139c+'));
    startPlus(vmm);
    vmm.write(0xe4, 4, ring);
    const context = vmm.takeContext();
    context.registers.RXNEXT = 42;
    expect(restored(vmm, context)).toMatchObject({ rxCurrent: 42, rdsar: ring });
    expect(vmm.takeContext().registers.RXNEXT).toBe(42);
  });

  it.each([0x04, 0x08, 0x0c])('whichever units are on: %i', cr => {
    const vmm = new TestVmm('rtl8139c+');
    startPlus(vmm);
    for (let n = 0; n < 9; n++) sendPlus(vmm, n);
    for (let n = 0; n < 5; n++) sendPlus(vmm, n, true);
    for (let n = 0; n < 7; n++) vmm.receive(ethernetFrame(MAC_A));
    vmm.write(0x37, 1, cr);
    const before = Buffer.from(vmm.memory.bytes());
    const { TNPNEXT, THPNEXT, RXNEXT } = vmm.takeContext().registers;
    expect(before.compare(vmm.memory.bytes())).toBe(0);
    expect([TNPNEXT, THPNEXT, RXNEXT]).toEqual([cr & 4 ? 9 : 0, cr & 4 ? 5 : 0, cr & 8 ? 7 : 0]);
  });

  it('are not reusable while they have something to send', () => {
    const vmm = new TestVmm('rtl8139c+');
    startPlus(vmm);
    expect(vmm.reusable).toBe(true);
    vmm.memory.view().setUint32(0x1000, 0xb0000000 | 60, true);
    expect(vmm.reusable).toBe('a transmit ring is not empty');
    vmm.write(0xd9, 1, 0x40);
    expect(vmm.reusable).toBe(true);
  });
});

it('a card whose EEPROM is being accessed is not reusable', () => {
  const vmm = new TestVmm('rtl8139');
  vmm.write(0x50, 1, 0x88);
  expect(vmm.reusable).toBe('the EEPROM is being accessed');
  vmm.write(0x50, 1, 0x80);
  expect(vmm.reusable).toBe(true);
  vmm.giveContext(vmm.takeContext());
  expect(vmm.read(0x50, 1)).toBe(0x81); // the mode, and the EEPROM's pin
});
