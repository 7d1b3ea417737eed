import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { checkoutRoot } from '@v3vee/setup';
import type { NextFunction, Request, Response } from 'express';
import { readPageFiles } from './page-files';

const built = join(checkoutRoot, 'apps', 'console', 'dist');

/**
 * Scripts, connections and all else from here alone, and no script in a page. Styles are an exception: the terminal
 * makes its colours by a style element.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The web console's files at `/`: open to all, since they tell nothing of the cluster. */
export function serveConsole(app: NestExpressApplication, folder = built): void {
  const files = readPageFiles(folder);
  app.use((request: Request, response: Response, next: NextFunction) => {
    const file = files.get(request.path);
    if (!file || !['GET', 'HEAD'].includes(request.method)) return next();
    response.set({
      'Content-Type': file.type,
      'Content-Security-Policy': POLICY,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cache-Control': file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      ETag: file.etag,
      Vary: 'Accept-Encoding',
    });
    if (request.headers['if-none-match'] === file.etag) return void response.status(304).end();
    const zipped = file.gzip && request.acceptsEncodings('gzip') ? file.gzip : undefined;
    if (zipped) response.set('Content-Encoding', 'gzip');
    const body = zipped ?? file.bytes;
    response.set('Content-Length', String(body.length));
    response.end(request.method === 'HEAD' ? undefined : body);
  });
}
