import { PicRepair } from './pic-repair';
import type { V86Cpu } from './v86-internals';

/** Two interrupt controllers in a piece of memory, as the engine keeps them. */
function controllers() {
  const bytes = new Uint8Array(64);
  const cpu = {
    wasm_memory: { buffer: bytes.buffer },
    get_pic_addr_master: () => 0,
    get_pic_addr_slave: () => 16,
  } as unknown as V86Cpu;
  const inService = (master: number, slave: number) => {
    bytes[2] = master;
    bytes[18] = slave;
  };
  return { repair: new PicRepair(cpu), bytes, inService };
}

describe('the interrupt repair', () => {
  it('makes the cascade level-triggered, again after a restore', () => {
    const { repair, bytes } = controllers();
    repair.check();
    expect(bytes[10]).toBe(4);
    repair.check();
    expect(repair.repaired).toBe(1);
    bytes[10] = 0;
    repair.check();
    expect([bytes[10], repair.repaired]).toEqual([4, 2]);
  });

  it('tells dead lines from the moment between the two ends of an interrupt', () => {
    const { repair, inService } = controllers();
    for (let i = 0; i < 1000; i++) {
      inService(4, i % 2 ? 0 : 1);
      repair.check();
    }
    expect(repair.stuck).toBe(0);
    inService(4, 0);
    for (let i = 0; i < 1000; i++) repair.check();
    expect(repair.stuck).toBe(1);
  });
});
