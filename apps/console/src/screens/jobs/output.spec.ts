import { CHARACTERS_SHOWN, Output } from './output';

const piece = (rank: number, bytes: string | Uint8Array, stream: 'stdout' | 'stderr' = 'stdout') => ({
  ...{ rank, stream, data: Buffer.from(bytes).toString('base64') },
});
const push = (output: Output, ...pieces: ReturnType<typeof piece>[]) =>
  output.push({ pieces, next: pieces.length, ended: false });
const texts = (output: Output) => output.lines.map(({ rank, text }) => `${rank}:${text}`);

describe('output of a job', () => {
  it('is put together by rank and stream, wherever pieces end', () => {
    const output = new Output();
    const [first, second] = [Buffer.from('grü').subarray(0, 3), Buffer.from('grü').subarray(3)];
    push(output, piece(0, first), piece(1, 'one\ntwo\n'), piece(0, second), piece(0, 'n\n\nend'));
    expect(texts(output)).toEqual(['0:grün', '1:one', '1:two', '0:', '0:end']);
  });

  it('tells its streams apart', () => {
    const output = new Output();
    push(output, piece(0, 'out'), piece(0, 'err', 'stderr'));
    expect(output.lines.map(({ stream }) => stream)).toEqual(['stdout', 'stderr']);
  });

  it('is bounded: the oldest goes', () => {
    const output = new Output();
    for (let n = 0; n < 30; n++) push(output, piece(0, `${n}${'x'.repeat(CHARACTERS_SHOWN / 20)}\n`));
    expect(output.lines.length).toBeLessThan(20);
    expect(output.lines.at(-1)?.text).toMatch(/^29x/);
  });
});
