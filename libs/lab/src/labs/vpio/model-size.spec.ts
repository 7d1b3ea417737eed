import { countLines, isModelSource, modelSize } from './model-size';

describe('the size of a device model', () => {
  it('is that of its files but tests and their fixtures', () => {
    const names = ['hooks.ts', 'context.spec.ts', 'vmm.fixture.ts', 'notes.md', 'inspec.ts'];
    expect(names.filter(isModelSource)).toEqual(['hooks.ts', 'inspec.ts']);
  });

  it('counts lines, and those of them that are code', () => {
    const text = [
      '/** What',
      ' * it is. */',
      'const a = 1; // one',
      '',
      '  // why',
      '/* short */',
      'f(a);',
      '',
    ];
    expect(countLines(text.join('\n'))).toEqual({ lines: 7, code: 2 });
  });

  it('finds the models of this checkout', async () => {
    const [ne2000, c, plus] = await Promise.all([
      modelSize('ne2000'),
      modelSize('rtl8139'),
      modelSize('rtl8139c+'),
    ]);
    for (const size of [ne2000!, c!]) {
      expect(size.code).toBeGreaterThan(100);
      expect(size.lines).toBeGreaterThan(size.code);
    }
    expect(plus).toEqual(c);
  });
});
