import { growthPerSecond, iperfBytes, iperfDatagrams, iperfMbit, netpipeMs, pingTimes } from './parse';

// What the tools of the image print (iperf3 3.12, busybox 1.35, NetPIPE 3.7.2), shortened.
const iperf = (end: object) => `{\n\t"start":\t{},\n\t"intervals":\t[],\n\t"end":\t${JSON.stringify(end)}\n}`;
const ping = `PING 10.99.0.3 (10.99.0.3): 56 data bytes
64 bytes from 10.99.0.3: seq=0 ttl=64 time=25.407 ms
64 bytes from 10.99.0.3: seq=1 ttl=64 time=8.380 ms
64 bytes from 10.99.0.3: seq=3 ttl=64 time=0.935 ms

--- 10.99.0.3 ping statistics ---
4 packets transmitted, 3 packets received, 25% packet loss
round-trip min/avg/max = 0.935/11.875/25.407 ms`;
const netpipe = `Using no perturbations

Sending output to /dev/null
Send and receive buffers are 16384 and 131072 bytes
(A bug in Linux doubles the requested buffer sizes)
Now starting the main loop
  0:       1 bytes     50 times -->      0.00 Mbps in    2199.20 usec`;

describe('what the tools in the guests print', () => {
  it('iperf3: what arrived, not what was sent', () => {
    const text = iperf({
      sum_sent: { bits_per_second: 3e8 },
      sum_received: { bits_per_second: 287_654_321, bytes: 71_913_580 },
    });
    expect(iperfMbit(text)).toBeCloseTo(287.654321);
    expect(iperfBytes(text)).toBe(71_913_580);
    expect(iperfMbit(`a kernel message\n${text}\n`)).toBeCloseTo(287.654321);
  });

  it('iperf3 with UDP: datagrams that arrived, and the share that was lost', () => {
    expect(iperfDatagrams(iperf({ sum: { packets: 1000, lost_packets: 250, seconds: 2 } }))).toEqual({
      perSecond: 375,
      lost: 0.25,
    });
  });

  it('iperf3: its own complaint', () => {
    expect(() => iperfMbit('{"error": "unable to connect to server"}')).toThrow(
      'iperf3 failed: unable to connect to server',
    );
  });

  it('ping: the time of each answer, whatever was lost', () => {
    expect(pingTimes(ping)).toEqual([25.407, 8.38, 0.935]);
  });

  it('NetPIPE: a round is twice the time that it prints', () => {
    expect(netpipeMs(netpipe)).toBeCloseTo(4.3984);
  });

  it('a counter between its first and its last reading', () => {
    expect(growthPerSecond('100 10.00\n600 10.50\n1100 12.00')).toBe(500);
  });

  it.each([
    ['iperf3', () => iperfMbit('')],
    ['iperf3', () => iperfMbit('{"end": {}}')],
    ['iperf3', () => iperfMbit('{"start": ')],
    ['iperf3', () => iperfDatagrams(iperf({ sum: { packets: 0, lost_packets: 0, seconds: 1 } }))],
    ['ping', () => pingTimes('100% packet loss')],
    ['NPtcp', () => netpipeMs("NetPIPE: protocol 'tcp' unknown!")],
    ['the counters', () => growthPerSecond('100 10.00')],
    ['the counters', () => growthPerSecond('100 10.00\n200 10.00')],
  ])('is no figure when %s printed something else', (tool, parse) => {
    expect(parse).toThrow(`${tool} printed what cannot be read`);
  });
});
