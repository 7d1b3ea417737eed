import type { Api, Field, Message } from './model';

/** For each message the number of each field that it ever had. It only grows: a number is never given again. */
export type Numbers = Record<string, Record<string, number>>;

/** All fields with the numbers that they had before; new ones get new numbers. */
export function numbered({ services, types }: Api, before: Numbers): Numbers {
  const after: Numbers = structuredClone(before);
  const visit = ({ name, fields, nested }: Message) => {
    number(fields, (after[name] ??= {}));
    nested.forEach(visit);
  };
  types.forEach(visit);
  for (const { rpcs } of services)
    for (const { request, response } of rpcs) [request, response].forEach(visit);
  return after;
}

function number(fields: readonly Field[], known: Numbers[string]): void {
  let next = Math.max(0, ...Object.values(known)) + 1;
  // 19000 to 19999 are protobuf's own; no message of ours comes near.
  for (const { proto } of fields) known[proto] ??= next++;
}
