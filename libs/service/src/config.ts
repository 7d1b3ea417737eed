import { V3Error } from '@v3vee/contracts';
import { z } from 'zod';

/** Environment that every service understands. */
export const commonConfig = z.object({
  V3_NATS_URL: z.string().default('nats://127.0.0.1:4222'),
  V3_HTTP_HOST: z.string().default('127.0.0.1'),
  V3_HTTP_PORT: z.coerce.number().int().min(0).max(65535).default(0).describe('0: a free port'),
  V3_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  V3_STATE_DIR: z.string().optional(),
  V3_CACHE_DIR: z.string().optional(),
  V3_HOST: z.string().optional().describe('the emulated host that this service is of'),
});
export type CommonConfig = z.infer<typeof commonConfig>;

/** @throws V3Error USAGE that names each wrong variable */
export function readConfig<T extends z.ZodType>(schema: T, env: NodeJS.ProcessEnv): z.output<T> {
  const result = schema.safeParse(env);
  if (result.success) return result.data;
  const wrong = result.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new V3Error('USAGE', `the environment is not complete: ${wrong}`);
}
