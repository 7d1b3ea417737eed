import { createHash, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { V3Error, type Login } from '@v3vee/contracts';
import type { Identity } from '../access/identity';

const LIFE_MS = 120_000;
/** Who asks for more meant only the latest. */
const MAX_OPEN = 100;
const PREFIX = 'login.';

/** Codes that open the web console, each once. In memory on purpose: none outlives the gateway that made it. */
@Injectable()
export class LoginCodes {
  /** By digest of a code. */
  private readonly open = new Map<string, { end: number; identity: Identity }>();

  make(identity: Identity, now = Date.now()): Login {
    for (const [digest, { end }] of this.open)
      if (end <= now || this.open.size >= MAX_OPEN) this.open.delete(digest);
    const code = PREFIX + randomBytes(24).toString('base64url');
    this.open.set(digestOf(code), { end: now + LIFE_MS, identity });
    return { code, expiresAt: new Date(now + LIFE_MS).toISOString() };
  }

  static isCode(token: string | undefined): token is string {
    return token?.startsWith(PREFIX) ?? false;
  }

  /** @returns who made it @throws V3Error UNAUTHENTICATED: used already, over, or never made */
  redeem(code: string, now = Date.now()): Identity {
    const digest = digestOf(code);
    const made = this.open.get(digest);
    this.open.delete(digest);
    if (made && made.end > now) return made.identity;
    throw new V3Error(
      'UNAUTHENTICATED',
      'this login code was used or is too old; "v3 console" makes another one',
    );
  }
}

const digestOf = (code: string): string => createHash('sha256').update(code).digest('hex');
