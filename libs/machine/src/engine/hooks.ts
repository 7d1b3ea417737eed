import {
  DeviceFault,
  type CpuidResult,
  type ExitKindName,
  type Extension,
  type Hooks,
  type HostEvent,
  type HostEventKind,
  type HypercallHandler,
  type IoHandler,
  type MemoryAccess,
  type MemoryRange,
  type MsrHandler,
  type Unhook,
} from '@v3vee/devices';
import type { Engine } from './engine';
import { backedBy } from './memory-map';

const PAGE = 4096;
const PORTS = 0x10000;
const ADDRESSES = 2 ** 32;

/**
 * A machine's hooks as an extension has them: all that fails in one of its handlers stops this VM and names the extension,
 * whatever was thrown.
 */
export class MachineHooks implements Hooks {
  /** @param owner the name of the device or extension */
  constructor(
    private readonly engine: Engine,
    private readonly owner: string,
  ) {}

  io(base: number, length: number, handler: IoHandler | null): Unhook {
    const valid = Number.isInteger(base) && base >= 0 && length > 0 && base + length <= PORTS;
    if (!valid) throw new Error(`${length} ports from ${base} are not ports`);
    const { hooks } = this.engine;
    const id = hooks.hookIo(base, length, handler && this.guarded(handler.name, handler));
    return () => hooks.unhookIo(id);
  }

  memoryFull(range: MemoryRange, handler: Pick<IoHandler, 'read' | 'write'>): Unhook {
    return this.memory(range, 'rw', this.guarded(range.name, handler));
  }

  memoryWrite(range: MemoryRange, backing: Uint8Array, onWrite: (access: MemoryAccess) => void): Unhook {
    return this.backed(range, backing, { write: this.failStop(onWrite) });
  }

  memoryAccess(range: MemoryRange, backing: Uint8Array, onAccess: (access: MemoryAccess) => void): Unhook {
    const tell = this.failStop(onAccess);
    return this.backed(range, backing, { read: tell, write: tell });
  }

  msr(msr: number, { read, write }: MsrHandler): Unhook {
    return this.engine.cpuHooks.msr(msr, {
      read: read && this.failStop(read),
      write: write && this.failStop(write),
    });
  }

  cpuid(leaf: number, handler: (leaf: number, subleaf: number) => CpuidResult | undefined): Unhook {
    return this.engine.cpuHooks.cpuid(leaf, this.failStop(handler));
  }

  interrupt(irq: number, handler: (irq: number) => boolean | void): Unhook {
    return this.engine.events.interrupt(irq, this.failStop(handler));
  }

  exit(kind: ExitKindName, handler: (kind: ExitKindName) => void): Unhook {
    return this.engine.account.watch(kind, this.failStop(handler));
  }

  hypercall(number: number, name: string, handler: HypercallHandler): Unhook {
    return this.engine.cpuHooks.hypercall(number, name, this.failStop(handler));
  }

  timer(periodMs: number, handler: (now: number) => void): Unhook {
    return this.engine.events.timer(periodMs, this.failStop(handler));
  }

  hostEvent(kind: HostEventKind, handler: (event: HostEvent) => boolean | void): Unhook {
    return this.engine.events.hostEvent(kind, this.failStop(handler));
  }

  extension(extension: Extension): Unhook {
    const guard = <A extends unknown[]>(call?: (...args: A) => void) =>
      call && this.failStop((...args: A) => call.apply(extension, args));
    return this.engine.events.extension({
      name: extension.name,
      initVm: guard(extension.initVm),
      initCore: guard(extension.initCore),
      deinitCore: guard(extension.deinitCore),
      deinitVm: guard(extension.deinitVm),
      onEntry: guard(extension.onEntry),
      onExit: guard(extension.onExit),
    });
  }

  private backed(range: MemoryRange, backing: Uint8Array, tell: Parameters<typeof backedBy>[1]): Unhook {
    if (backing.length !== range.length)
      throw new Error(`${range.name} has ${range.length} bytes, what is behind it ${backing.length}`);
    return this.memory(range, 'rw', backedBy(backing, tell));
  }

  private memory(
    { name, start, length }: MemoryRange,
    flags: string,
    handler: Pick<IoHandler, 'read' | 'write'>,
  ): Unhook {
    const { memory } = this.engine.hooks;
    const end = start + length;
    const whole = start % PAGE === 0 && length % PAGE === 0;
    if (!whole || start < this.engine.memory.size || length <= 0 || end > ADDRESSES) {
      throw new Error(
        `${name}: memory can be hooked in whole pages above RAM (0x${this.engine.memory.size.toString(16)}), ` +
          `not at 0x${start.toString(16)}`,
      );
    }
    const taken = memory.overlaps(start, length);
    if (taken) throw new Error(`${name}: ${taken.name} lies at 0x${taken.start.toString(16)}`);
    const id = memory.add({ name, start, length, flags, kind: 'hook', handler });
    return () => memory.remove(id);
  }

  private guarded(name: string, handler: Pick<IoHandler, 'read' | 'write'>): IoHandler {
    return {
      name,
      read: this.failStop((offset: number, size: number) => handler.read(offset, size)),
      write: this.failStop((offset: number, size: number, value: number) =>
        handler.write(offset, size, value),
      ),
    };
  }

  private failStop<A extends unknown[], R>(call: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      try {
        return call(...args);
      } catch (thrown) {
        if (thrown instanceof DeviceFault) throw thrown;
        const reason = thrown instanceof Error ? thrown.message : String(thrown);
        throw new DeviceFault(this.owner, `its hook failed: ${reason}`);
      }
    };
  }
}
