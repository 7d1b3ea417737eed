import { commonConfig } from '@v3vee/service';
import { z } from 'zod';

export const wifiConfig = commonConfig.extend({
  V3_DATABASE_URL: z.string().describe('postgres://user:password@host:port/database'),
  V3_WIFI_SEED: z.coerce
    .number()
    .int()
    .default(1)
    .describe('of the losses on the air: the same seed, the same losses'),
});
export type WifiConfig = z.infer<typeof wifiConfig>;
