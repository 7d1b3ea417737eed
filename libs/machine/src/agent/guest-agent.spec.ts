import { GuestChannel } from '../worker/channel';
import { GuestAgent } from './guest-agent';

/** The guest's side, by hand: answers the synchronisation, the rest is up to the test. */
function agent() {
  const commands: string[] = [];
  const channel: GuestChannel = new GuestChannel('test', data => {
    const { execute, arguments: args } = JSON.parse(
      Buffer.from(data).toString('latin1').replace('\xff', ''),
    ) as {
      execute: string;
      arguments: { id?: number };
    };
    if (execute === 'guest-sync-delimited') say(`\xff{"return": ${args.id}}\n`);
    else commands.push(execute);
  });
  const say = (text: string) => channel.received(Buffer.from(text, 'latin1'));
  return { agent: new GuestAgent(channel), commands, say };
}

describe('the guest agent', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('is waited for while its answer keeps arriving', async () => {
    const { agent: client, commands, say } = agent();
    const pinged = client.ping(1_000);
    await jest.advanceTimersByTimeAsync(0);
    expect(commands).toEqual(['guest-ping']);
    for (const part of ['{"re', 'turn"', ':', ' {', '}}']) {
      say(part);
      await jest.advanceTimersByTimeAsync(900);
    }
    say('\n');
    await expect(pinged).resolves.toBeUndefined();
  });

  it('that falls silent is given up', async () => {
    const { agent: client, say } = agent();
    const pinged = expect(client.ping(1_000)).rejects.toMatchObject({ code: 'VM_NO_AGENT' });
    await jest.advanceTimersByTimeAsync(0);
    say('{"re');
    await jest.advanceTimersByTimeAsync(2_001);
    await pinged;
  });

  it('that dribbles for ever is given up too', async () => {
    const { agent: client, say } = agent();
    const pinged = expect(client.ping(1_000)).rejects.toMatchObject({ code: 'VM_NO_AGENT' });
    for (let i = 0; i < 20; i++) {
      await jest.advanceTimersByTimeAsync(500);
      say(' ');
    }
    await pinged;
  });
});
