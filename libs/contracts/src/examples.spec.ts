import { exampleOf } from './examples';
import { namedSchemas } from './named-schemas';

describe('examples', () => {
  it.each(Object.entries(namedSchemas))('that of %s fits it', (_, schema) => {
    expect(schema.safeParse(exampleOf(schema)).error?.issues ?? []).toEqual([]);
  });
});
