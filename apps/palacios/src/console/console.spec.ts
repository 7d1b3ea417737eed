import { InputQuota, rawSubjects } from '@v3vee/contracts';
import { Consoles, SCROLLBACK_BYTES } from './consoles';
import { Scrollback } from './scrollback';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const bytes = (content: string) => Buffer.from(content, 'latin1');

describe('the scrollback', () => {
  it('keeps the last bytes, whatever the pieces they came in', () => {
    const whole = Array.from({ length: 500 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');
    for (const piece of [1, 3, 7, 10, 11, 64]) {
      const scrollback = new Scrollback(10);
      for (let at = 0; at < whole.length; at += piece) {
        scrollback.push(bytes(whole.slice(at, at + piece)));
        expect(text(scrollback.bytes())).toBe(whole.slice(0, at + piece).slice(-10));
      }
    }
  });
});

describe('the input quota', () => {
  it('lets a paste through, then no more than a fast serial line carries', () => {
    let now = 0;
    const quota = new InputQuota(() => now);
    expect(quota.accept(60_000)).toBe(60_000);
    expect(quota.accept(60_000)).toBe(5_536);
    now = 100;
    expect(quota.accept(60_000)).toBe(3_200);
    expect(quota.dropped).toBe(60_000 - 5_536 + 60_000 - 3_200);
    now = 1e9;
    expect(quota.accept(1e6)).toBe(65_536);
  });
});

describe('consoles', () => {
  const setUp = () => {
    const published: [string, string][] = [];
    const inputs = new Map<string, (bytes: Uint8Array) => void>();
    const bus: ConstructorParameters<typeof Consoles>[0] = {
      publishRaw: (subject, out) => void published.push([subject, text(out)]),
      subscribeRaw: (subject, listener) => {
        inputs.set(subject, content => listener(content, subject));
        return { stop: () => inputs.delete(subject) };
      },
    };
    const consoles = new Consoles(bus, 'alpha');
    const line = () => {
      const typed: string[] = [];
      let listener: ((out: Uint8Array) => void) | undefined;
      return {
        typed,
        print: (content: string) => listener?.(bytes(content)),
        write: (content: Uint8Array) => void typed.push(text(content)),
        onOutput: (l: (out: Uint8Array) => void) => {
          listener = l;
          return () => (listener = undefined);
        },
      };
    };
    return { consoles, published, inputs, line };
  };

  it('publish what the guest prints, type what is sent, and keep the output across machines', () => {
    const { consoles, published, inputs, line } = setUp();
    const [first, second] = [line(), line()];
    consoles.plug('vm', first);
    first.print('one ');
    inputs.get(rawSubjects.consoleIn('alpha', 'vm'))?.(bytes('ls\n'));
    consoles.plug('vm', second);
    first.print('from the grave');
    second.print('two');
    inputs.get(rawSubjects.consoleIn('alpha', 'vm'))?.(bytes('id\n'));
    expect([first.typed, second.typed]).toEqual([['ls\n'], ['id\n']]);
    expect(published).toEqual([
      ['console.alpha.vm.out', 'one '],
      ['console.alpha.vm.out', 'two'],
    ]);
    expect(text(consoles.scrollback('vm'))).toBe('one two');
    consoles.forget('vm');
    expect([inputs.size, consoles.scrollback('vm').length]).toEqual([0, 0]);
  });

  it('keep no more than the limit', () => {
    const { consoles, line } = setUp();
    const loud = line();
    consoles.plug('vm', loud);
    loud.print('x'.repeat(3 * SCROLLBACK_BYTES) + 'end');
    expect(consoles.scrollback('vm').length).toBe(SCROLLBACK_BYTES);
    expect(text(consoles.scrollback('vm')).slice(-4)).toBe('xend');
  });
});
