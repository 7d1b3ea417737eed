import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Bus } from '@v3vee/bus';
import { busUsers, V3Error } from '@v3vee/contracts';
import { natsAuthorization, writeFileAtomic } from '@v3vee/setup';

/** A server that has read the file lets a new user in at once. */
const RELOAD_MS = 10_000;
const LOOK_MS = 20;

/**
 * The users of our own NATS server: one for each process of the cluster, which may say and hear what is its own. Their
 * passwords are made anew at each start of the cluster, and are in a file that this user alone can read.
 */
export class NatsUsers {
  /** What the server's configuration includes. */
  readonly file: string;
  private readonly passwords = new Map<string, string>();
  private known: string | undefined;

  /** @param dir the server's folder */
  constructor(dir: string) {
    this.file = join(dir, 'authorization.conf');
  }

  /** Writes the users of a cluster with these hosts, and nobody else's. @returns whether the server must read it */
  async write(hosts: readonly string[]): Promise<boolean> {
    const text = natsAuthorization(busUsers([...hosts].sort()), user =>
      JSON.stringify(this.passwordOf(user)),
    );
    if (text === this.known) return false;
    await writeFileAtomic(this.file, text, 0o600);
    this.known = text;
    return true;
  }

  /** The server's address for one user. */
  urlFor(user: string, server: string): string {
    const url = new URL(server);
    url.username = user;
    url.password = this.passwordOf(user);
    return url.toString();
  }

  /** Resolves when the server lets the user in. @throws V3Error PROCESS_FAILED it does not */
  async letIn(user: string, server: () => string): Promise<void> {
    const deadline = Date.now() + RELOAD_MS;
    for (;;) {
      try {
        const bus = await Bus.connect({ url: this.urlFor(user, server()), name: 'supervisor' });
        return await bus.close();
      } catch (cause) {
        if (Date.now() > deadline) {
          const reason = `the NATS server does not let ${user} in: ${(cause as Error).message}; its log says why`;
          throw new V3Error('PROCESS_FAILED', reason, { cause });
        }
        await new Promise(resolve => setTimeout(resolve, LOOK_MS));
      }
    }
  }

  private passwordOf(user: string): string {
    let password = this.passwords.get(user);
    if (!password) this.passwords.set(user, (password = randomBytes(24).toString('base64url')));
    return password;
  }
}
