import { join } from 'node:path';
import { commonConfig } from '@v3vee/service';
import { checkoutRoot } from '@v3vee/setup';
import { z } from 'zod';

export const gatewayConfig = commonConfig.extend({
  V3_DATABASE_URL: z.string(),
  V3_ADMIN_TOKEN_FILE: z.string().describe('a file with the administrator’s token, at least 32 characters'),
  V3_TLS_CERT: z
    .string()
    .optional()
    .describe('a PEM file with the certificate, and those between it and its root'),
  V3_TLS_KEY: z.string().optional().describe('a PEM file with its private key'),
  V3_RATE_LIMIT: z.coerce
    .number()
    .min(1)
    .max(100_000)
    .default(50)
    .describe('requests a second with each user’s token; after a rest four times as many at once'),
  V3_ALLOWED_HOSTS: z
    .string()
    .default('')
    .transform(text =>
      text
        .toLowerCase()
        .split(',')
        .map(name => name.trim())
        .filter(Boolean),
    )
    .refine(names => names.every(name => name === '*' || /^[\w.-]*\w$/.test(name)), {
      error: 'names alone, without scheme, port and patterns: v3.example.org; or * for any',
    })
    .describe('names under which browsers reach it, with commas; * for any (http/server-name.ts)'),
  V3_AUDIT_DAYS: z.coerce
    .number()
    .min(1)
    .max(36_500)
    .default(90)
    .describe('for how long the audit log is kept'),
  V3_STATE_DIR: z.string(),
  V3_CACHE_DIR: z.string(),
  V3_LAB_PROGRAM: z
    .string()
    .default(join(checkoutRoot, 'apps', 'cli', 'dist', 'main.js'))
    .describe('the command line that runs labs'),
  V3_LAB_STOP_MS: z.coerce
    .number()
    .int()
    .min(0)
    .default(30_000)
    .describe('how long a lab that is to end may take to stop its clusters; then it is killed'),
  V3_GRPC_PORT: z.coerce.number().int().min(0).max(65535).default(0).describe('0: a free port'),
  V3_HOST_SILENCE_MS: z.coerce
    .number()
    .int()
    .min(100)
    .default(3500)
    .describe('a host whose heartbeats (one a second) stay out for so long is not ready'),
  V3_LEASE_SECONDS: z.coerce.number().min(1).max(600).default(10).describe('as it is for the hosts'),
  V3_LEASE_MARGIN_SECONDS: z.coerce
    .number()
    .min(0.1)
    .max(600)
    .default(3)
    .describe('a host counts as lost when its lease has been over for so long'),
  V3_HOST_PATIENCE_MS: z.coerce
    .number()
    .int()
    .min(0)
    .default(20_000)
    .describe('how long cluster:apply waits for a host to be ready'),
});
export type GatewayConfig = z.infer<typeof gatewayConfig>;
