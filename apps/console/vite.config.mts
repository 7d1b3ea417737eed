import { createRequire } from 'node:module';
import { defineConfig, type Plugin } from 'vite';

const {
  DEFAULT_PROJECT: defaultProject,
  MAX_IMAGE_BYTES: maxImageBytes,
  rest,
  roles,
  serviceMac,
  streams,
  tokenStates,
  verbStates,
  wifiChannels,
} = createRequire(import.meta.url)('@v3vee/contracts') as typeof import('@v3vee/contracts');

/**
 * What the browser needs of the contract from the beginning, as plain data. The types come from the contract itself; its
 * schemas, and zod with them, are loaded with the first form.
 */
function contract(): Plugin {
  const id = 'virtual:contract';
  const table = Object.fromEntries(
    Object.entries(rest).map(([name, endpoint]) => [
      name,
      [
        endpoint.method,
        endpoint.path,
        'body' in endpoint,
        'query' in endpoint && 'requestId' in endpoint.query.shape,
      ],
    ]),
  );
  const access = Object.fromEntries(
    Object.entries({ ...rest, ...streams }).map(([name, each]) => [name, each.access]),
  );
  const serviceMacPrefix = serviceMac(0).slice(0, 'xx:xx:xx'.length);
  return {
    name: 'contract',
    resolveId: source => (source === id ? `\0${id}` : undefined),
    load: resolved =>
      resolved === `\0${id}`
        ? Object.entries({
            rest: table,
            access,
            defaultProject,
            roles,
            tokenStates,
            verbStates,
            wifiChannels,
            maxImageBytes,
            serviceMacPrefix,
          })
            .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};`)
            .join('\n')
        : undefined,
  };
}

// Whoever builds has a NODE_ENV of their own, tests for one, and what is built is kept for all: it is what users get.
process.env.NODE_ENV = 'production';

export default defineConfig({
  root: new URL('src', import.meta.url).pathname,
  base: '/',
  plugins: [contract()],
  // The sources, of which only those that are used are taken.
  resolve: {
    alias: { '@v3vee/contracts': new URL('../../libs/contracts/src/index.ts', import.meta.url).pathname },
  },
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2022',
    // All of it is served by one gateway near by; scripts in the page are not allowed, and data: URLs save nothing.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
});
