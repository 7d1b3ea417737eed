import { Registry } from 'prom-client';
import { ReadHistogram } from './read-histogram';

it('is a histogram to Prometheus, read anew at each scrape', async () => {
  const registry = new Registry();
  registry.setDefaultLabels({ host: 'alpha' });
  let scrapes = 0;
  const histogram = new ReadHistogram({
    ...{ name: 'v3_x_seconds', help: 'X', labelNames: ['kind'], registers: [registry] },
    collect: async () => {
      scrapes++;
      histogram.reset();
      histogram.put(
        { kind: 'io' },
        [
          { upTo: 0.001, count: 2 * scrapes },
          { upTo: Infinity, count: scrapes },
        ],
        5 * scrapes,
      );
    },
  });
  await registry.metrics();
  expect((await registry.metrics()).trim().split('\n')).toEqual([
    '# HELP v3_x_seconds X',
    '# TYPE v3_x_seconds histogram',
    'v3_x_seconds_bucket{kind="io",le="0.001",host="alpha"} 4',
    'v3_x_seconds_bucket{kind="io",le="+Inf",host="alpha"} 6',
    'v3_x_seconds_sum{kind="io",host="alpha"} 10',
    'v3_x_seconds_count{kind="io",host="alpha"} 6',
  ]);
});
