import { LineReader } from './line-reader';

const collect = (maxLength = 100) => {
  const lines: string[] = [];
  let tooLong = 0;
  const reader = new LineReader(
    maxLength,
    line => void lines.push(line.toString()),
    () => tooLong++,
  );
  return { lines, push: (text: string) => reader.push(Buffer.from(text)), tooLong: () => tooLong };
};

it('puts lines together from pieces and takes several at once', () => {
  const { lines, push } = collect();
  push('o');
  push('k clo');
  push('ck\nok seed\nerr');
  push('or nic\n');
  expect(lines).toEqual(['ok clock', 'ok seed', 'error nic']);
});

it('skips a line that is too long, and only that', () => {
  const { lines, push, tooLong } = collect(8);
  push('x'.repeat(50));
  push('xx');
  push('x\nshort\n');
  expect(lines).toEqual(['short']);
  expect(tooLong()).toBeGreaterThan(0);
});
