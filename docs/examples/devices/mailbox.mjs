/**
 * A device of a third party: two device classes in one module, nothing of which is known to V3VEE.
 *
 * `mailbox`  what the guest sees: a port device on the ISA bus (a front-end of characters).
 *            options: port, its first of four; irq, optional, raised while there is something to read
 * `upcase`   what is behind it: sends back what it gets, in capitals.
 *            options: of, the id of a mailbox
 *
 *   port + 0   data: written, a byte for the back-end; read, the next byte from it, 0 if there is none
 *   port + 1   status: bit 0, there is something to read; bit 1, somebody is behind it
 *   port + 2   how many bytes the guest has sent, modulo 256
 *
 * To use it, name it to the host and to a VM (docs/palacios.md):
 *
 *   V3_DEVICE_MODULES=/path/to/mailbox.mjs ./v3 up
 *   devices:
 *     - { class: mailbox, id: box, options: { port: 768, irq: 5 } }
 *     - { class: upcase, id: echo, options: { of: box } }
 *
 * @typedef {import('@v3vee/devices').DeviceClasses} DeviceClasses
 * @typedef {import('@v3vee/devices').DeviceContext} DeviceContext
 */

const PORTS = 4;
const MAX_INBOX = 4096;

/** @param {DeviceClasses} classes */
export function register(classes) {
  classes.registerDevice('mailbox', makeMailbox);
  classes.registerDevice('upcase', makeUpcase);
}

/** @param {DeviceContext} context */
function makeMailbox(context) {
  const { port, irq } = context.options;
  if (!Number.isInteger(port)) context.refuse(`its option "port" is a number, not ${JSON.stringify(port)}`);
  const line = irq === undefined ? undefined : context.interruptLine(Number(irq));
  /** @type {number[]} */
  let inbox = [];
  let sent = 0;
  /** @type {{ output(data: Uint8Array): void } | undefined} */
  let behind;

  const signal = () => (inbox.length > 0 ? line?.raise() : line?.lower());

  context.hooks.io(Number(port), PORTS, {
    name: context.id,
    read(offset) {
      if (offset === 1) return (inbox.length > 0 ? 1 : 0) | (behind ? 2 : 0);
      if (offset === 2) return sent & 0xff;
      if (offset !== 0) throw new Error(`there is no register ${offset}`);
      const byte = inbox.shift() ?? 0;
      signal();
      return byte;
    },
    write(offset, size, value) {
      if (offset !== 0 || size !== 1)
        throw new Error(`register ${offset} can't be written with ${size} bytes`);
      sent++;
      behind?.output(Uint8Array.of(value));
    },
  });

  const front = {
    input(data) {
      const taken = data.subarray(0, MAX_INBOX - inbox.length);
      inbox.push(...taken);
      signal();
      return taken.length;
    },
  };
  context.frontEnd('char', front, back => (behind = back));

  return {
    save: () => ({ version: 1, inbox: [...inbox], sent }),
    restore(state) {
      const valid =
        state?.version === 1 &&
        Array.isArray(state.inbox) &&
        state.inbox.length <= MAX_INBOX &&
        state.inbox.every(byte => Number.isInteger(byte) && byte >= 0 && byte <= 0xff) &&
        Number.isInteger(state.sent);
      if (!valid) throw new Error('the saved state is not a mailbox’s');
      inbox = [...state.inbox];
      sent = state.sent;
      signal();
    },
    metrics: () => ({ sent, waiting: inbox.length }),
  };
}

/** @param {DeviceContext} context */
function makeUpcase(context) {
  /** @type {{ input(data: Uint8Array): number } | undefined} */
  let front;
  const back = {
    output: data => void front?.input(new TextEncoder().encode(new TextDecoder().decode(data).toUpperCase())),
  };
  context.backEnd('char', String(context.options.of), back, end => (front = end));
  return { save: () => ({ version: 1 }), restore: () => undefined };
}
