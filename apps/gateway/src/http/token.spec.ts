import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PageTokens } from './page-tokens';
import { Tokens } from './token';

describe('tokens', () => {
  const folder = mkdtempSync(join(tmpdir(), 'v3-token-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (content: string) => {
    const path = join(folder, 'token');
    writeFileSync(path, content);
    return path;
  };
  const secret = 's'.repeat(32);

  it('are taken from the file, without the newline', () => {
    const tokens = Tokens.fromFile(file(`${secret}\n`));
    expect(tokens.holder(`Bearer ${secret}`)).toBe('admin');
    expect(tokens.holder(`bearer  ${secret}`)).toBe('admin');
  });

  it.each(['Bearer ', `Bearer ${secret}x`, `Bearer ${secret.slice(1)}`, secret, `Basic ${secret}`, ''])(
    'does not take %j',
    header => {
      const tokens = Tokens.fromFile(file(secret));
      expect(() => tokens.holder(header)).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
    },
  );

  it('a missing file, and a token that can be guessed, stop the service from starting', () => {
    const usage = expect.objectContaining({ code: 'USAGE' });
    expect(() => Tokens.fromFile(join(folder, 'none'))).toThrow(usage);
    expect(() => Tokens.fromFile(file('short'))).toThrow(usage);
    expect(() => Tokens.fromFile(file(''))).toThrow(usage);
  });
});

describe('page tokens', () => {
  const pages = new PageTokens(Buffer.alloc(32, 1));
  const invalid = expect.objectContaining({ code: 'PAGE_TOKEN_INVALID' });

  it('give back where a listing stopped', () => {
    expect(pages.open('vms/', pages.seal('vms/', { name: 'ä' }))).toEqual({ name: 'ä' });
  });

  it('are good for one listing, one key and unchanged only', () => {
    const token = pages.seal('vms/', 'a1');
    expect(() => pages.open('networks', token)).toThrow(invalid);
    expect(() => new PageTokens(Buffer.alloc(32, 2)).open('vms/', token)).toThrow(invalid);
    const bytes = Buffer.from(token, 'base64url');
    const changed = Buffer.from(bytes.map((byte, index) => (index === bytes.length - 2 ? byte ^ 1 : byte)));
    for (const forged of ['', '.', token.slice(0, 30), token.slice(0, -2), changed.toString('base64url')]) {
      expect(() => pages.open('vms/', forged)).toThrow(invalid);
    }
  });

  it('do not show where that was', () => {
    const bytes = Buffer.from(pages.seal('vms/', 'somebody-elses'), 'base64url');
    expect(bytes.includes('somebody')).toBe(false);
  });

  it('tell of a next page exactly when there is one', () => {
    const page = (rows: number[]) => pages.page('n', rows, 2, row => row, String);
    expect(page([])).toEqual({ items: [], nextPageToken: '' });
    expect(page([1, 2])).toEqual({ items: ['1', '2'], nextPageToken: '' });
    const more = page([1, 2, 3]);
    expect(more.items).toEqual(['1', '2']);
    expect(pages.open('n', more.nextPageToken)).toBe(2);
  });
});
