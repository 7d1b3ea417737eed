import { Bus, natsOptions } from '@v3vee/bus';
import { OverlayNode } from '@v3vee/overlay';
import { connect } from 'nats';
import { CREDIT_EVERY, CREDIT_SUBJECT, nicPort, RAW_SUBJECT, RECEIVER_MAC } from './link-protocol';

/**
 * Entry of the receiving process: counts the frames of a NIC on the overlay, and the messages of a plain NATS
 * subscription. It says `ready` to the process that forked it, and ends with it.
 */
async function main(url: string): Promise<void> {
  const raw = await connect({ ...natsOptions(url), name: 'lab-raw-receiver' });
  let arrived = 0;
  let told = 0;
  const count = (frames: number): void => {
    arrived += frames;
    const credits = Math.floor(arrived / CREDIT_EVERY);
    if (credits === told) return;
    told = credits;
    raw.publish(CREDIT_SUBJECT, String(arrived));
  };
  raw.subscribe(RAW_SUBJECT, { callback: error => error || count(1) });
  await raw.flush();
  const bus = await Bus.connect({ url, name: 'lab-link-receiver' });
  const node = await OverlayNode.start({ bus, host: 'lab-receiver' });
  await node.attach(nicPort(RECEIVER_MAC, frames => count(frames.length)));
  process.send?.('ready');
}

process.on('disconnect', () => process.exit(0));
void main(process.argv[2] ?? '');
