import { createRequire } from 'node:module';
import { defineConfig, type Plugin } from 'vite';

const { rest, roles, streams, verbStates, wifiChannels } = createRequire(import.meta.url)(
  '@v3vee/contracts',
) as typeof import('@v3vee/contracts');

/**
 * What the browser needs of the contract as plain data: its schemas, and zod with them, stay in the services. The types
 * come from the contract itself.
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
  return {
    name: 'contract',
    resolveId: source => (source === id ? `\0${id}` : undefined),
    load: resolved =>
      resolved === `\0${id}`
        ? Object.entries({ rest: table, access, roles, verbStates, wifiChannels })
            .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};`)
            .join('\n')
        : undefined,
  };
}

export default defineConfig({
  root: new URL('src', import.meta.url).pathname,
  base: '/',
  plugins: [contract()],
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
