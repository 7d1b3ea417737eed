/**
 * What screen an address of the console is, whatever it is of: the NICs of `vm7` and those of `vm8` are one, so that one of
 * each kind is looked at.
 * @param known names of VMs, hosts and networks
 */
export function screenKind(path: string, known: ReadonlySet<string>): string {
  const parts = path.split('?')[0]!.split('/').filter(Boolean).map(decodeURIComponent);
  // A card, a radio or a point of capture is named after its host or its VM.
  return parts.map(part => (known.has(part.split('/')[0] as string) ? '*' : part)).join('/');
}
