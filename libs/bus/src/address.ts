/** What an address says, as the client wants it: it reads no user out of one itself. A user without a password is a token, as with NATS's own clients. */
export function natsOptions(text: string): { servers: string; user?: string; pass?: string; token?: string } {
  if (!URL.canParse(text)) return { servers: text };
  const url = new URL(text);
  const [user, pass] = [url.username, url.password].map(decodeURIComponent) as [string, string];
  if (!user) return { servers: text };
  url.username = url.password = '';
  const servers = url.toString();
  return pass ? { servers, user, pass } : { servers, token: user };
}

/** Without user and password, for people. */
export function redact(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//…@');
}
