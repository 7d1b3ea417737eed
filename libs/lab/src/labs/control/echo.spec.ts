import { EchoTest } from './echo';

/** A terminal whose shell says what `echo` is to say, and whose tty echoes keys. */
function terminal(echo: (key: string) => string) {
  let heard: (bytes: Uint8Array) => void = () => undefined;
  const say = (text: string) => queueMicrotask(() => heard(Buffer.from(text)));
  const typed: string[] = [];
  const test = new EchoTest({
    onOutput: listener => (heard = listener),
    write: text => {
      typed.push(text);
      const command = /^echo "rea"(\S+);/.exec(text);
      if (command) say(`${text}rea${command[1]}\r\n`);
      else if (text.length === 1 && text !== '\x03') say(echo(text));
    },
  });
  return { test, typed };
}

describe('a test of echoes', () => {
  it('types keys once cat swallows them, and ends it', async () => {
    const { test, typed } = terminal(key => key);
    const { latenciesMs, failures } = await test.run({ rate: 1_000, seconds: 0.03 });
    expect([latenciesMs.length, failures]).toEqual([30, []]);
    expect(typed.slice(2, -1).join('')).toBe('abcdefghijklmnopqrstuvwxyzabcd');
    expect(typed.at(-1)).toBe('\x03');
  });

  it('tells of an echo that is another key’s', async () => {
    const { test } = terminal(key => (key === 'b' ? 'x' : key));
    const { latenciesMs, failures } = await test.run({ rate: 1_000, seconds: 0.005 });
    expect([latenciesMs.length, failures]).toEqual([4, ['the echo of "b" is "x"']]);
  });
});
