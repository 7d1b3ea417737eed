import { BoundedWriter } from './bounded-writer';

describe('the bounded writer', () => {
  it('leaves out what would pile up, says how much, and goes on', () => {
    const drawn: string[] = [];
    const pending: (() => void)[] = [];
    const writer = new BoundedWriter(
      {
        write: (data, done) => {
          drawn.push(
            typeof data === 'string' ? data.replace(/[^ -~]|\[\dm/g, '').trim() : String(data.length),
          );
          pending.push(done);
        },
      },
      100,
    );
    for (let n = 0; n < 5; n++) writer.write(new Uint8Array(40));
    expect(drawn).toEqual(['40', '40']);
    for (const done of pending.splice(0)) done();
    writer.write(new Uint8Array(10));
    expect(drawn).toEqual(['40', '40', '120 bytes of output left out', '10']);
    for (const done of pending.splice(0)) done();
    writer.write(new Uint8Array(100));
    expect(drawn.at(-1)).toBe('100');
  });
});
