/** `memoryMiB` → `memory_mib`, `nextPageToken` → `next_page_token`: proto's style of field names. */
export const snakeCase = (name: string): string =>
  name
    .replaceAll('MiB', 'Mib')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase();

/** `listVms` → `ListVms`. */
export const pascalCase = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** What protobuf itself makes of a field's name in JSON; where ours differs the proto file says so. */
export const defaultJsonName = (snake: string): string =>
  snake.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
