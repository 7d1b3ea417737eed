import { delimiter, isAbsolute } from 'node:path';
import { resourceName } from '@v3vee/contracts';
import { commonConfig } from '@v3vee/service';
import { z } from 'zod';

export const palaciosConfig = commonConfig.extend({
  V3_HOST: resourceName,
  V3_DATABASE_URL: z.string().describe('postgres://user:password@host:port/database'),
  V3_STATE_DIR: z.string().min(1).describe('saved machine states, images that were imported'),
  V3_LEASE_SECONDS: z.coerce
    .number()
    .min(1)
    .max(600)
    .default(10)
    .describe('a host that is cut off from the database for so long stops its guests'),
  V3_SNAPSHOT_QUOTA_MIB: z.coerce
    .number()
    .min(1)
    .optional()
    .describe('what saved states may have on disk, of all hosts together; none: as much as there is'),
  V3_DEVICE_MODULES: z
    .string()
    .default('')
    .transform(text => text.split(delimiter).filter(Boolean))
    .refine(paths => paths.every(isAbsolute), { message: 'modules are named by absolute paths' })
    .describe(
      'modules with device classes, by absolute path, as in PATH; they run with all rights of this process',
    ),
  V3_CACHE_DIR: z.string().min(1).describe('firmware, built images, templates'),
});
export type PalaciosConfig = z.infer<typeof palaciosConfig>;
