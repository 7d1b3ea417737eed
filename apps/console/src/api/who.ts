import type { Access, EndpointName, Role, Self, StreamName } from '@v3vee/contracts';

export type Doing = EndpointName | StreamName;

/** Whom the gateway takes this session for; undefined until it has said so. */
export class Who {
  private known: Self | undefined;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly ask: () => Promise<Self>) {}

  readonly get = (): Self | undefined => this.known;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** A session has begun. What keeps it from being asked, the overview shows. */
  async look(): Promise<void> {
    this.set(await this.ask().catch(() => undefined));
  }

  forget(): void {
    this.set(undefined);
  }

  private set(self: Self | undefined): void {
    this.known = self;
    for (const listener of this.listeners) listener();
  }
}

/** Why somebody may not do something, as the contract declares it, for people; undefined: it is allowed. */
export function whyRefused(
  self: Self | undefined,
  [least, scope]: Access,
  roles: readonly Role[],
): string | undefined {
  if (!self) return 'The gateway has not yet said who you are';
  if (roles.indexOf(self.role) < roles.indexOf(least))
    return `This takes the role ${least}; yours is ${self.role}`;
  if (scope === 'cluster' && self.project !== null)
    return `This is of the whole cluster; you are confined to the project ${self.project}`;
  return undefined;
}

export const mayDo = (self: Self | undefined, access: Access, roles: readonly Role[]): boolean =>
  whyRefused(self, access, roles) === undefined;
