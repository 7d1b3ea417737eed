import { dirname, join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import { openApiDocument } from './openapi';

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>V3VEE REST API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

/** A file of its own, because the page's policy forbids scripts in the page. No validator is asked. */
const start = `window.ui = SwaggerUIBundle({
  url: '/openapi.json', dom_id: '#swagger-ui', validatorUrl: null, deepLinking: true, persistAuthorization: false,
});
`;

const assetFolder = dirname(require.resolve('swagger-ui-dist/package.json'));
const assets = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** `/openapi.json` and, drawn from it, `/docs`: open to all, and complete without any other server. */
export function serveDocs(app: NestExpressApplication): void {
  const document = JSON.stringify(openApiDocument());
  const get = (path: string, type: string, send: (response: Response) => void) =>
    app.use(path, (request: Request, response: Response, next: NextFunction) => {
      if (!['GET', 'HEAD'].includes(request.method) || request.path !== '/') return next();
      response.setHeader(
        'Content-Security-Policy',
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
      );
      send(response.type(type));
    });
  get('/openapi.json', 'json', response => response.send(document));
  get('/docs/start.js', 'js', response => response.send(start));
  for (const asset of assets) {
    get(`/docs/${asset}`, asset, response => response.sendFile(join(assetFolder, asset)));
  }
  get('/docs', 'html', response => response.send(page));
}
