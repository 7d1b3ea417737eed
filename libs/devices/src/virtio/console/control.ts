/** Control messages of a multiport console (virtio 1.2, section 5.3.6.2): `{id u32, event u16, value u16}[name]`. */
export const ControlEvent = {
  deviceReady: 0,
  deviceAdd: 1,
  deviceRemove: 2,
  portReady: 3,
  consolePort: 4,
  resize: 5,
  portOpen: 6,
  portName: 7,
} as const;

export const CONTROL_LENGTH = 8;

export interface ControlMessage {
  port: number;
  event: number;
  value: number;
}

export function encodeControl(message: ControlMessage, name = ''): Uint8Array {
  const text = name ? new TextEncoder().encode(`${name}\0`) : new Uint8Array(0);
  const out = new Uint8Array(CONTROL_LENGTH + text.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, message.port, true);
  view.setUint16(4, message.event, true);
  view.setUint16(6, message.value, true);
  out.set(text, CONTROL_LENGTH);
  return out;
}

/** Undefined if it is too short to be a message. */
export function decodeControl(data: Uint8Array): ControlMessage | undefined {
  if (data.length < CONTROL_LENGTH) return undefined;
  const view = new DataView(data.buffer, data.byteOffset);
  return { port: view.getUint32(0, true), event: view.getUint16(4, true), value: view.getUint16(6, true) };
}
