import { KeySender } from './key-sender';

describe('keys on their way', () => {
  it('keep their order, one request at a time, with all that came meanwhile', async () => {
    const sent: unknown[] = [];
    const answers: (() => void)[] = [];
    const sender = new KeySender(typed => {
      sent.push(structuredClone(typed));
      return new Promise(resolve => answers.push(resolve));
    });
    const answer = async () => {
      answers.shift()?.();
      await new Promise(resolve => setImmediate(resolve));
    };
    for (const key of ['a', 'b', 'c']) sender.press(key);
    sender.type('x'.repeat(150));
    sender.press('enter');
    expect(sent).toEqual([{ keys: ['a'] }]);
    for (let n = 0; n < 5; n++) await answer();
    expect(sent.slice(1)).toEqual([
      { keys: ['b', 'c'] },
      { text: 'x'.repeat(100) },
      { text: 'x'.repeat(50) },
      { keys: ['enter'] },
    ]);
  });
});
