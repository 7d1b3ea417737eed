import type { Command } from 'commander';
import { auditCommand } from './audit';
import { projectCommands } from './project';
import { tokenCommands } from './token';
import { userCommands } from './user';

/** Who may use the cluster, and what they did. */
export function accessCommands(program: Command): void {
  userCommands(program);
  tokenCommands(program);
  projectCommands(program);
  auditCommand(program);
}
