/**
 * One device class for each kind of hook. What each has seen is in its metrics.
 *
 * @typedef {import('@v3vee/devices').DeviceClasses} DeviceClasses
 * @typedef {import('@v3vee/devices').DeviceContext} DeviceContext
 */

/** @param {DeviceClasses} classes */
export function register(classes) {
  for (const [name, hook] of Object.entries(examples)) {
    classes.registerDevice(`example-${name}`, context => {
      const seen = hook(context);
      return {
        save: () => ({ version: 1, seen: { ...seen } }),
        restore: state => void Object.assign(seen, state.seen),
        metrics: () => ({ ...seen }),
      };
    });
  }
}

/** @type {Record<string, (context: DeviceContext) => Record<string, number>>} */
const examples = {
  /** A port that counts what is read of it, and one that is meant to be nobody's. */
  io({ hooks, id }) {
    const seen = { reads: 0, written: 0 };
    hooks.io(0x300, 1, {
      name: id,
      read: () => ++seen.reads & 0xff,
      write: (_, __, value) => (seen.written = value),
    });
    hooks.io(0x301, 1, null);
    return seen;
  },

  /** Three pages above RAM: all ours, memory whose writes we see, memory whose accesses we see. */
  memory({ hooks, id }) {
    const seen = { reads: 0, writes: 0, accesses: 0 };
    const page = n => ({ name: `${id}-${n}`, start: 0xd0000000 + 0x1000 * n, length: 0x1000 });
    hooks.memoryFull(page(0), {
      read: offset => (seen.reads++, 0xcafe0000 + offset),
      write: () => undefined,
    });
    hooks.memoryWrite(page(1), new Uint8Array(0x1000), () => seen.writes++);
    hooks.memoryAccess(page(2), new Uint8Array(0x1000), () => seen.accesses++);
    return seen;
  },

  /** The leaf by which a hypervisor says its name. */
  cpuid({ hooks }) {
    const seen = { asked: 0 };
    const [ebx, ecx, edx] = new Uint32Array(new TextEncoder().encode('V3VEE  V3VEE').buffer);
    hooks.cpuid(0x40000000, () => (seen.asked++, { eax: 0x40000000, ebx, ecx, edx }));
    return seen;
  },

  /** A register of 64 bits that no CPU has. */
  msr({ hooks }) {
    const seen = { reads: 0, writes: 0 };
    let value = 0n;
    hooks.msr(0x4b564d00, {
      read: () => (seen.reads++, value),
      write: (_, written) => (seen.writes++, (value = written)),
    });
    return seen;
  },

  /** The timer's line: counted, and left to the guest. */
  interrupt({ hooks }) {
    const seen = { raised: 0 };
    hooks.interrupt(0, () => void seen.raised++);
    return seen;
  },

  /** All writes to ports, whosever they are. */
  exit({ hooks }) {
    const seen = { outs: 0 };
    hooks.exit('io-out', () => seen.outs++);
    return seen;
  },

  /** Adds: EBX + ECX, into EBX. */
  hypercall({ hooks }) {
    const seen = { calls: 0 };
    hooks.hypercall(0x5001, 'add', registers => {
      seen.calls++;
      registers.ebx = registers.ebx + registers.ecx;
      return 0;
    });
    return seen;
  },

  /** Every 10 ms of guest time. */
  timer({ hooks }) {
    const seen = { ticks: 0 };
    hooks.timer(10, () => seen.ticks++);
    return seen;
  },

  /** What is typed into the serial console; the guest never gets a "!". */
  'host-event'({ hooks }) {
    const seen = { typed: 0, kept: 0 };
    hooks.hostEvent('serial', event => {
      seen.typed += event.data.length;
      const keeps = event.data.includes(0x21);
      if (keeps) seen.kept++;
      return keeps;
    });
    return seen;
  },

  /** A VM's life. */
  extension({ hooks, id }) {
    const seen = { vms: 0, cores: 0, entries: 0, exits: 0 };
    hooks.extension({
      name: id,
      initVm: () => seen.vms++,
      initCore: () => seen.cores++,
      onEntry: () => seen.entries++,
      onExit: () => seen.exits++,
    });
    return seen;
  },

  /** Fails: the VM stops, with the reason, and no other. */
  failure({ hooks, id }) {
    const write = () => {
      throw new Error('a bug of an extension');
    };
    hooks.io(0x302, 1, { name: id, read: () => 0, write });
    return {};
  },
};
