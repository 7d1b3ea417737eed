import { formatSvg } from './report';

const plot = (name: string) => ({
  name,
  steps: { name: 'round', labels: ['1', '2', 'stop'] },
  strips: [
    { name: 'pages', unit: 'pages', values: [900, 20, 5] },
    { name: 'downtime', unit: 'ms', values: [null, null, 31] },
  ],
});

it('draws a bar for each figure that there is, each strip on its own scale, and makes room for all', () => {
  const one = formatSvg({ lab: 'l', results: [], plots: [plot('<a>')] });
  expect(one).toContain('&#60;a&#62;');
  const bars = [...one.matchAll(/height="([\d.]+)" fill="#(?:2563eb|dc2626|0d9488)"/g)].map(([, height]) =>
    Number(height),
  );
  expect(bars).toHaveLength(4);
  expect(bars[0]).toBe(bars[3]);
  const height = (svg: string) => Number(/viewBox="0 0 900 (\d+)"/.exec(svg)?.[1]);
  const four = formatSvg({ lab: 'l', results: [], plots: ['a', 'b', 'c', 'd'].map(plot) });
  expect(height(four)).toBeGreaterThan(height(one) + 100);
  expect(formatSvg({ lab: 'l', results: [] })).not.toContain('round');
});
