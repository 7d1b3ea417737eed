import { ConsoleLink, type Socket } from './console-link';

class FakeSocket implements Socket {
  binaryType = '';
  onopen: Socket['onopen'] = null;
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  sent: number[] = [];
  isClosed = false;
  send(data: Uint8Array): void {
    this.sent.push(data.length);
  }
  close(): void {
    this.isClosed = true;
  }
}

describe('the console’s link', () => {
  let sockets: FakeSocket[];
  let states: string[];
  let data: number[];
  let link: ConsoleLink;
  let onOpen: () => void;
  /** Until it has tried again. */
  const opened = () => new Promise<void>(resolve => (onOpen = resolve));
  beforeEach(() => {
    [sockets, states, data, onOpen] = [[], [], [], () => undefined];
    link = new ConsoleLink({
      open: () => {
        const socket = new FakeSocket();
        sockets.push(socket);
        onOpen();
        return socket;
      },
      onData: bytes => data.push(bytes.length),
      onState: state => states.push(state.name),
      firstPauseMs: 1,
    });
  });
  afterEach(() => link.close());

  it('carries bytes both ways, long ones in pieces', () => {
    link.connect();
    const [socket] = sockets as [FakeSocket];
    socket.onopen?.();
    socket.onmessage?.({ data: new ArrayBuffer(5) });
    socket.onmessage?.({ data: 'text' });
    link.send('é'.repeat(10_000));
    expect([data, socket.sent, states]).toEqual([[5], [16_384, 3_616], ['connecting', 'open']]);
  });

  it('is connected again when it was lost', async () => {
    link.connect();
    const again = opened();
    sockets[0]!.onclose?.({ code: 1006, reason: '' });
    await again;
    sockets[1]!.onopen?.();
    expect(states).toEqual(['connecting', 'lost', 'connecting', 'open']);
    const third = opened();
    sockets[1]!.onclose?.({ code: 4503, reason: 'host alpha went away' });
    await third;
    expect(sockets).toHaveLength(3);
  });

  it('of a VM that ended is connected when it is asked to be', () => {
    link.connect();
    sockets[0]!.onclose?.({ code: 4404, reason: 'a1 is STOPPED' });
    expect(states).toEqual(['connecting', 'over']);
    link.connect();
    expect(sockets).toHaveLength(2);
  });

  it('that was closed stays closed', () => {
    link.connect();
    link.close();
    expect(sockets[0]!.isClosed).toBe(true);
    link.connect();
    expect(sockets).toHaveLength(1);
  });
});
