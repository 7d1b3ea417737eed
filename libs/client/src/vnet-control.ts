import { VNET_CONTROL_PATH } from '@v3vee/contracts';
import type { Client } from './client';

/** Routes and links in the original VNET language, each under its index. */
export function listVnetControl(client: Client): Promise<string> {
  return client.text({ method: 'GET', path: VNET_CONTROL_PATH });
}

/**
 * Runs lines of the original VNET language, all or none.
 * @param network what new links join, and new routes must belong to, if that is said
 * @returns a line for each statement: what it did, with the index
 * @throws V3Error VNET_CONTROL_INVALID and those of routes and links, with line and column
 */
export function runVnetControl(client: Client, lines: string, network?: string): Promise<string> {
  return client.text({ method: 'POST', path: VNET_CONTROL_PATH, query: { network }, body: lines });
}
