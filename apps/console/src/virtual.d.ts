/** Made by vite.config.mts from the contract. */
declare module 'virtual:contract' {
  import type {
    Access,
    roles as allRoles,
    tokenStates as allTokenStates,
    verbStates as allStates,
    wifiChannels as allChannels,
  } from '@v3vee/contracts';
  export const rest: import('./api/rest').RestTable;
  export const access: Record<import('./api/who').Doing, Access>;
  export const defaultProject: string;
  export const roles: typeof allRoles;
  export const tokenStates: typeof allTokenStates;
  export const verbStates: typeof allStates;
  export const wifiChannels: typeof allChannels;
  /** Of a kernel, and of an initrd. */
  export const maxImageBytes: number;
  /** What the addresses of networks' services begin with. */
  export const serviceMacPrefix: string;
}
declare module '*.svg' {
  const url: string;
  export default url;
}
declare module '*.css';
