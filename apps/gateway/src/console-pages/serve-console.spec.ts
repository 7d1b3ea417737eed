import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import express from 'express';
import request from 'supertest';
import { serveConsole } from './serve-console';

describe('the web console’s files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'v3-pages-'));
  const site = join(folder, 'dist');
  mkdirSync(join(site, 'assets'), { recursive: true });
  writeFileSync(join(site, 'index.html'), '<!doctype html><title>V3VEE</title>');
  writeFileSync(join(site, 'assets', 'main-abc.js'), 'export {};\n'.repeat(100));
  writeFileSync(join(site, 'assets', 'main-abc.js.map'), '{}');
  writeFileSync(join(folder, 'secret.html'), 'secret');
  const app = express();
  serveConsole(app as unknown as NestExpressApplication, site);
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are served with a policy that lets no foreign or inline script run, and in no frame', async () => {
    const page = await request(app).get('/').expect(200);
    expect(page.text).toContain('V3VEE');
    const policy = page.headers['content-security-policy'] as string;
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    expect(page.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-cache' });
  });

  it('are compressed, kept by their name, and asked for again only when they changed', async () => {
    const script = await request(app).get('/assets/main-abc.js').set('Accept-Encoding', 'gzip').expect(200);
    expect(script.headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-type': expect.stringContaining('javascript'),
      'cache-control': expect.stringContaining('immutable'),
    });
    expect(script.text).toBe('export {};\n'.repeat(100));
    const plain = await request(app).get('/assets/main-abc.js').set('Accept-Encoding', 'identity');
    expect(plain.headers['content-encoding']).toBeUndefined();
    await request(app)
      .get('/')
      .set('If-None-Match', (await request(app).get('/')).headers.etag!)
      .expect(304);
    const head = await request(app).head('/').expect(200);
    expect(head.text).toBeUndefined();
  });

  it.each(['/../secret.html', '/%2e%2e/secret.html', '/assets/../../secret.html', '/assets', '/none.js'])(
    'nothing else is: %s',
    async path => {
      await request(app).get(path).expect(404);
    },
  );

  it('only reads', async () => {
    await request(app).post('/').expect(404);
    await request(app).get('/assets/main-abc.js.map').expect(404);
  });
});
