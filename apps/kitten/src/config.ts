import {
  DEFAULT_SCHED_HZ,
  hostSpec,
  KITTEN_RESERVED_MIB,
  overcommit,
  physicalNic,
  radio,
  resourceName,
  schedHz,
} from '@v3vee/contracts';
import { commonConfig } from '@v3vee/service';
import { z } from 'zod';

/** A list in JSON; absent means empty. */
const jsonList = <T extends z.ZodType>(item: T) =>
  z
    .string()
    .default('[]')
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: 'custom', message: 'must be a list in JSON' });
        return z.NEVER;
      }
    })
    .pipe(z.array(item));

export const kittenConfig = commonConfig.extend({
  V3_HOST: resourceName,
  V3_HOST_MEMORY_MIB: z.coerce
    .number()
    .int()
    .gt(KITTEN_RESERVED_MIB, `Kitten keeps ${KITTEN_RESERVED_MIB} MiB; a host needs more than that`),
  V3_HOST_CORES: z.coerce.number().pipe(hostSpec.shape.cores.unwrap()),
  V3_HOST_OVERCOMMIT: z.coerce.number().pipe(overcommit).default(1),
  V3_SCHED_HZ: z.coerce.number().pipe(schedHz).default(DEFAULT_SCHED_HZ),
  V3_HOST_NICS: jsonList(physicalNic),
  V3_HOST_RADIOS: jsonList(radio),
});
export type KittenConfig = z.infer<typeof kittenConfig>;
