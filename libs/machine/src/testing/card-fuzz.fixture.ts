import type { CardModel } from '@v3vee/contracts';
import { fuzzProgram, readProgram } from './fuzz-driver.fixture';
import { ending, Guests, sh } from './guests.fixture';
import { DRIVERS, ipOf, macOf, Segment } from './segment.fixture';
import type { Guest } from '../index';

const PCI_IDS = { ne2000: '0x8029', rtl8139: '0x8139', 'rtl8139c+': '0x8139' } as const;
const WINDOWS = { ne2000: 0x20, rtl8139: 0x100, 'rtl8139c+': 0x100 } as const;
/** Of three guests. */
const USES = ['shares', 'shares', 'alone'] as const;
const PAGE = 4096;
const CANARY_PAGES = 64;

/** Why a card may stop its guest: the text names the device and what was done to it. */
export const STOPPED =
  /^\w.*-0: (access of \d bytes at 0x[0-9a-f]+ |DMA (read|write) of \d+ bytes at 0x[0-9a-f]+ from \w+: )/;

export interface Fuzz {
  seed: number;
  count: number;
  aligned: boolean;
  /** Bytes of the window that it keeps to; absent: all. */
  window?: number;
  /** Whether the kernel's driver has the card meanwhile, its interface up. */
  bound: boolean;
  /** By the card's memory instead of its ports; not the NE2000, and not while the kernel's driver has it. */
  mapped?: boolean;
}

/** Two guests that share a card, a third with one of its own whom they talk to, and a fuzzing driver for any of them. */
export class FuzzBench {
  private constructor(
    readonly model: CardModel,
    private readonly guests: Guests,
    readonly segment: Segment,
    readonly all: Guest[],
  ) {}

  static async start(model: CardModel): Promise<FuzzBench> {
    const guests = await Guests.prepare();
    const segment = new Segment(model, guests);
    try {
      const all: Guest[] = [];
      for (const [index, use] of USES.entries()) all.push(await segment.start(index, use));
      return new FuzzBench(model, guests, segment, all);
    } catch (thrown) {
      await guests.stop();
      throw thrown;
    }
  }

  stop(): Promise<void> {
    return this.guests.stop();
  }

  /**
   * Lets a fuzzing driver loose in a guest while the two others talk, saves and restores the guest with what that left in
   * its card, and gives the card to the kernel's driver anew; then all must have their ways to each other.
   * @returns why the guest was stopped, then another one took its place; undefined: it lives
   */
  async trial(index: number, fuzz: Fuzz): Promise<string | undefined> {
    const guest = this.all[index]!;
    const [one, other] = [0, 1, 2].filter(each => each !== index) as [number, number];
    const canary = await Canary.plant(guest);
    const before = await accesses(guest);
    const [reason] = await Promise.all([this.fuzz(guest, fuzz), this.ping(this.all[one]!, other)]);
    await this.ping(this.all[one]!, other);
    if (reason !== undefined) {
      await this.replace(index);
      return reason;
    }
    if ((await accesses(guest)) - before < fuzz.count) throw new Error('the fuzzing driver missed the card');
    const harmed = await canary.harmed(this.segment.opened(index));
    if (harmed.length > 0) throw new Error(`memory that no window held was written: pages ${harmed.join()}`);
    await guest.pause();
    await guest.load(await guest.save());
    await guest.run();
    await this.rebind(guest, index);
    await this.ping(guest, one);
    return undefined;
  }

  /** One access of 2 bytes at the last one of the card's window. @returns as {@link trial} */
  async overrun(index: number): Promise<string | undefined> {
    const guest = this.all[index]!;
    const reason = await this.run(guest, readProgram((await this.port(guest)) + this.window - 1, 2));
    if (reason !== undefined) await this.replace(index);
    return reason;
  }

  private async replace(index: number): Promise<void> {
    await this.all[index]!.terminate();
    await this.ping(this.all[(index + 1) % 3]!, (index + 2) % 3);
    this.all[index] = await this.segment.start(index, USES[index]!);
    await this.ping(this.all[index]!, (index + 1) % 3);
  }

  private async fuzz(guest: Guest, { bound, mapped, ...fuzz }: Fuzz): Promise<string | undefined> {
    // A card without a driver may not master the bus: the command register lets it.
    const unbind = `echo \${d##*/} > $d/driver/unbind; printf '\\007' | dd of=$d/config bs=1 seek=4 conv=notrunc`;
    if (!bound) await sh(guest, `${this.device} ${unbind}`);
    const memorySize = guest.memoryMiB << 20;
    const at = mapped
      ? { file: await sh(guest, `${this.device} echo -n $d/resource1`) }
      : { port: await this.port(guest) };
    return this.run(guest, fuzzProgram({ window: this.window, ...fuzz, at, memorySize }));
  }

  async ping(from: Guest, to: number): Promise<void> {
    const said = await sh(from, `ping -c 3 -i 0.2 -W 10 ${ipOf(to)}; true`);
    if (!said.includes('3 packets received')) throw new Error(`no way to ${ipOf(to)}: ${said}`);
  }

  /** Gives the card to the kernel's driver, as after it was plugged in. */
  private async rebind(guest: Guest, index: number): Promise<void> {
    await sh(
      guest,
      `${this.device}
       [ -e $d/driver ] && echo \${d##*/} > $d/driver/unbind
       echo \${d##*/} > /sys/bus/pci/drivers/${DRIVERS[this.model]}/bind
       name=$(ls $d/net); ip addr add ${ipOf(index)}/24 dev $name; ip link set $name up
       [ "$(cat $d/net/$name/address)" = ${macOf(index)} ]`,
    );
  }

  private async run(guest: Guest, program: Uint8Array): Promise<string | undefined> {
    await guest.agent.exec({
      path: '/bin/sh',
      args: ['-c', 'base64 -d > /tmp/driver; chmod +x /tmp/driver'],
      input: Buffer.from(Buffer.from(program).toString('base64')),
    });
    const ended = ending(guest);
    const answer = await Promise.race([
      guest.agent.exec({ path: '/tmp/driver', timeoutMs: 120_000 }),
      ended.then(({ reason }) => reason),
    ]).catch(async (thrown: unknown) => {
      if (guest.exit) return guest.exit.reason;
      throw thrown;
    });
    if (typeof answer === 'string') return answer;
    if (answer.exitCode !== 0) throw new Error(`the fuzzing driver ended with ${answer.exitCode}`);
    return undefined;
  }

  private async port(guest: Guest): Promise<number> {
    return Number(await sh(guest, `${this.device} head -1 $d/resource | cut -d' ' -f1`));
  }

  private get window(): number {
    return WINDOWS[this.model];
  }

  private get device(): string {
    const id = PCI_IDS[this.model];
    return `for d in /sys/bus/pci/devices/*; do [ $(cat $d/device) = ${id} ] && break; done;`;
  }
}

/** How often a guest accessed ports that something answers at, or memory of a device. */
async function accesses(guest: Guest): Promise<number> {
  const { exits, unhooked } = await guest.telemetry();
  const kinds = ['io-in', 'io-out', 'mmio-read', 'mmio-write'] as const;
  return kinds.reduce((sum, kind) => sum + exits[kind].count, -unhooked);
}

/** Pages of a file in a guest's memory whose content is known. */
export class Canary {
  private constructor(
    private readonly guest: Guest,
    private readonly content: Buffer,
    /** Of each page of the file: where in the guest's memory it is, with copies that the kernel may have made. */
    private readonly places: number[][],
  ) {}

  /** The guest stands still for a moment. */
  static async plant(guest: Guest): Promise<Canary> {
    const content = Buffer.alloc(CANARY_PAGES * PAGE);
    for (let at = 0; at < content.length; at += 16) content.write(`canary ${at}`, at);
    await guest.agent.exec({ path: '/bin/sh', args: ['-c', 'cat > /tmp/canary'], input: content });
    await guest.pause();
    const { memory } = await guest.save();
    await guest.run();
    const places: number[][] = Array.from({ length: CANARY_PAGES }, () => []);
    const found = Buffer.from(memory.buffer, memory.byteOffset, memory.byteLength);
    for (let at = 0; at < found.length; at += PAGE) {
      const page = /^canary (\d+)\0/.exec(found.toString('latin1', at, at + 16));
      if (page && Number(page[1]) % PAGE === 0) places[Number(page[1]) / PAGE]!.push(at);
    }
    return new Canary(guest, content, places);
  }

  /** Pages that are not as they were although no window was open there. */
  async harmed(opened: readonly { address: number; length: number }[]): Promise<number[]> {
    const { stdout } = await this.guest.agent.exec({ path: '/bin/cat', args: ['/tmp/canary'] });
    const isOpen = (at: number) =>
      opened.some(window => window.address < at + PAGE && at < window.address + window.length);
    return this.places.flatMap((places, page) => {
      const [from, to] = [page * PAGE, (page + 1) * PAGE];
      const same = stdout.subarray(from, to).equals(this.content.subarray(from, to));
      return same || places.some(isOpen) ? [] : [page];
    });
  }
}
