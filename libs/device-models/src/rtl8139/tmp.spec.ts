import { ethernetFrame, BROADCAST } from '@v3vee/devices/src/ethernet/testing';
import { startPlus } from './guest.fixture';
import { TestVmm } from './vmm.fixture';
it('x', () => {
  const vmm = new TestVmm('rtl8139c+');
  startPlus(vmm);
  for (let i = 0; i < 20; i++) vmm.receive(ethernetFrame(BROADCAST));
  const view = vmm.memory.view();
  for (let i = 0; i < 64; i++) view.setUint32(0x1400 + 16 * i, i === 10 ? 0xc0000000 : 0x80000000);
  for (let i = 0; i < 64; i++) view.setUint32(0x1400 + 16 * i, i === 10 ? 0xc0000000 : 0x80000000, true);
  vmm.receive(ethernetFrame(BROADCAST));
});
