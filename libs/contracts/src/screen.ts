/** Screen and keyboard of a VM. */
import { z } from 'zod';

export const vmScreen = z.object({
  width: z.int().describe('pixels; 0: the display adapter shows nothing'),
  height: z.int(),
  text: z.array(z.string()).nullable().describe('rows of characters where it shows text; null: graphics'),
  png: z.string().describe('the picture as PNG, base64'),
});
export type VmScreen = z.infer<typeof vmScreen>;

const shape = z.strictObject({
  keys: z
    .array(z.string().min(1).max(64))
    .min(1)
    .max(32)
    .optional()
    .describe('combinations, one after the other: ctrl-alt-del, f1, a, up, … of a US keyboard'),
  text: z.string().min(1).max(100).optional().describe('to be typed; at most 100 characters at a time'),
});
/** What is to be typed. */
export const vmKeys = shape.refine(({ keys, text }) => (keys === undefined) !== (text === undefined), {
  message: 'either "keys" or "text" is typed',
});
export type VmKeys = z.infer<typeof vmKeys>;
export const vmKeysShape = shape.shape;
