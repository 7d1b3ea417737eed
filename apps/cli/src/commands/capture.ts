import { openCapture } from '@v3vee/client';
import { V3Error } from '@v3vee/contracts';
import {
  describePacket,
  describeWlan,
  packetDirections,
  RADIOTAP_LINK_TYPE,
  type CapturedPacket,
} from '@v3vee/wire';
import type { Command } from 'commander';
import { CaptureFile, CaptureOutput, type CaptureSink } from '../capture/capture-file';
import { record } from '../capture/recording';
import { wholeNumber } from '../options';
import { examples, print } from '../output';
import { interrupted, withClient } from '../session';
import { formatClock } from '../terminal/quantities';

interface CaptureFlags {
  write?: string;
  filter?: string;
  count?: number;
  duration?: number;
  snapLength?: number;
  print?: boolean;
}

export function captureCommand(program: Command): void {
  program
    .command('capture <point>')
    .description(
      'capture frames at a NIC (a1/net0), a link (link/wan), a whole host (host/alpha) or on the air (wlan:alpha) as pcapng',
    )
    .option('-w, --write <file>', 'write to a new file (default: standard output, for Wireshark)')
    .option('-f, --filter <expression>', "what to capture, as in tcpdump: 'icmp or arp', 'tcp port 80'")
    .option('-c, --count <packets>', 'end after so many', wholeNumber('--count', 1, Number.MAX_SAFE_INTEGER))
    .option('--duration <time>', 'end after so long: 10s, 5m', duration)
    .option('--snap-length <bytes>', 'bytes kept of each packet', wholeNumber('--snap-length', 14, 66_000))
    .option('--print', 'print one line for each packet')
    .addHelpText(
      'after',
      `${examples(
        'v3 capture a1/net0 -w a1.pcapng',
        "v3 capture a1/net0 --print -f 'icmp or arp' -c 10",
        'v3 capture host/alpha | wireshark -k -i -',
        'v3 capture link/wan --duration 30s -w wan.pcapng',
        "v3 capture wlan:alpha --print -f 'type mgt and not subtype beacon'",
      )}

Ctrl-C ends a capture; its file is complete. It goes on while its virtual machine is stopped, moved or restarted.
At a NIC, "out" is what the guest sends, before impairments, and "in" what reaches it, after them. A frame that the
guest left to be segmented is one packet of up to 64 KiB; checksums that were left to the card are filled in.

On the air, 802.11 frames have radiotap headers: wlan:alpha is what the radios of a host send and hear, wlan:alpha/radio0
one of them, wlan:ap/home an access point, wlan:a1/wlan0 what a Wi-Fi NIC sends and is sent. A frame is one packet,
however often it was tried; acknowledgements are not shown. Filters: type, subtype, wlan host, wlan addr1, ether proto.`,
    )
    .action(capture);
}

async function capture(point: string, flags: CaptureFlags): Promise<void> {
  if (flags.write === undefined && !flags.print && process.stdout.isTTY) {
    throw new V3Error(
      'USAGE',
      'a capture is binary, and standard output is a terminal; use -w FILE, --print, or a pipe to Wireshark',
    );
  }
  await withClient(async client => {
    const { filter, snapLength } = flags;
    const session = await openCapture(client, { point, filter, snapLength });
    const timer =
      flags.duration === undefined ? undefined : setTimeout(() => session.stop(), flags.duration * 1000);
    const stop = () => session.stop();
    interrupted.addEventListener('abort', stop, { once: true });
    if (interrupted.aborted) stop();
    let sink: CaptureSink | undefined;
    try {
      sink = await sinkFor(flags);
      if (process.stderr.isTTY) process.stderr.write(`Capturing at ${point}; Ctrl-C ends it\n`);
      const onPacket = flags.print
        ? (packet: CapturedPacket, link: number) => print(lineOf(packet, link))
        : undefined;
      const { packets, dropped, reason } = await record({ session, sink, onPacket, limit: flags.count });
      process.stderr.write(`${packets} packets captured, ${dropped} dropped\n`);
      if (reason) throw new V3Error('SERVICE_UNAVAILABLE', `the capture at ${point} ended: ${reason}`);
    } finally {
      clearTimeout(timer);
      interrupted.removeEventListener('abort', stop);
      session.stop();
      await sink?.close();
    }
  });
}

async function sinkFor({ write, print: isPrinted }: CaptureFlags): Promise<CaptureSink | undefined> {
  if (write !== undefined && write !== '-') return CaptureFile.create(write);
  return isPrinted ? undefined : new CaptureOutput(process.stdout);
}

function lineOf({ time, direction, length, bytes }: CapturedPacket, linkType: number): string {
  const describe = linkType === RADIOTAP_LINK_TYPE ? describeWlan : describePacket;
  const way = direction.padEnd(Math.max(...Object.keys(packetDirections).map(each => each.length)));
  return `${formatClock(Number(time / 1_000n))} ${way} ${describe(bytes, length)}`;
}

/** Seconds. */
function duration(text: string): number {
  const [, value = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const seconds = Number(value) * ({ ms: 0.001, m: 60, h: 3600 }[unit] ?? 1);
  // A timer of Node holds no more than 24 days.
  if (value !== '' && seconds > 0 && seconds <= 24 * 86_400) return seconds;
  throw new V3Error('USAGE', `--duration is "${text}"; it takes a time such as 500ms, 10s, 5m or 1h`);
}
