import { commonConfig } from '@v3vee/service';
import { z } from 'zod';

export const dmmConfig = commonConfig.extend({
  V3_DATABASE_URL: z.string().describe('postgres://user:password@host:port/database'),
});
export type DmmConfig = z.infer<typeof dmmConfig>;
