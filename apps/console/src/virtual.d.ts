/** Made by vite.config.mts from the contract. */
declare module 'virtual:contract' {
  type Contract = typeof import('@v3vee/contracts');
  export const rest: import('./api/rest').RestTable;
  export const access: Record<import('./api/who').Doing, import('@v3vee/contracts').Access>;
  export const roles: Contract['roles'];
  export const verbStates: Contract['verbStates'];
  export const wifiChannels: Contract['wifiChannels'];
}
declare module '*.svg' {
  const url: string;
  export default url;
}
declare module '*.css';
