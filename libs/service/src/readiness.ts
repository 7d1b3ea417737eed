/** What must hold before a service takes work. A check answers true, or why not. */
export class Readiness {
  private readonly checks = new Map<string, () => boolean | string>();

  add(name: string, check: () => boolean | string): void {
    this.checks.set(name, check);
  }

  status(): { ready: boolean; checks: Record<string, string> } {
    const checks: Record<string, string> = {};
    let ready = true;
    for (const [name, check] of this.checks) {
      const result = check();
      checks[name] = result === true ? 'ok' : result || 'not ready';
      ready &&= result === true;
    }
    return { ready, checks };
  }
}
