import { commonConfig } from '@v3vee/service';
import { z } from 'zod';

export const vnetConfig = commonConfig.extend({
  V3_DATABASE_URL: z.string().describe('postgres://user:password@host:port/database'),
  V3_VNET_HOLD_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(60_000)
    .default(2_000)
    .describe('how long frames for an unknown address wait, and how long a new router learns'),
});
export type VnetConfig = z.infer<typeof vnetConfig>;
