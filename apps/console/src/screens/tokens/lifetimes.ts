/** How long a token may be good, for people, and as the gateway takes it; none: until it is revoked. */
export const lifetimes = [
  ['8 hours', '8h'],
  ['1 day', '1d'],
  ['7 days', '7d'],
  ['30 days', '30d'],
  ['90 days', '90d'],
  ['180 days', '180d'],
  ['365 days', '365d'],
  ['until it is revoked', ''],
] as const;

export const DEFAULT_LIFETIME = '30d';
