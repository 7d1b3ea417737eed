import { impairment as schema } from '@v3vee/contracts';
import { impairmentOf, impairmentText, impairmentValues } from './impairment';

describe('an impairment in a form', () => {
  const some = schema.parse({ delayMs: 20, jitterMs: 5, lossPercent: 0.5, rateKbit: 1000 });

  it('is what it was when nothing is typed, in the order that the gateway tells it', () => {
    for (const each of [null, some, schema.parse({}), schema.parse({ seed: 7 })])
      expect(JSON.stringify(impairmentOf(impairmentValues(each)))).toBe(JSON.stringify(each));
  });

  it('leaves empty what is as by default', () => {
    expect(impairmentValues(some)).toMatchObject({
      impaired: true,
      'impairment.delayMs': '20',
      'impairment.seed': '',
      'impairment.corruptPercent': '',
    });
  });

  it('keeps what is no number for the schema to tell', () => {
    const typed = impairmentOf({ ...impairmentValues(some), 'impairment.delayMs': 'long' });
    expect(schema.safeParse(typed).success).toBe(false);
  });

  it('is told in a line', () => {
    expect(impairmentText(some)).toBe('20 ± 5 ms, 1000 kbit/s, 0.5 % lost');
    expect(impairmentText(null)).toBe('');
  });
});
