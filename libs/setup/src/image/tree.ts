/** One entry of a file system to be packed. Paths are relative to its root. */
export type TreeEntry =
  | { path: string; kind: 'file'; data: Uint8Array; executable?: boolean }
  | { path: string; kind: 'folder'; mode?: number }
  | { path: string; kind: 'link'; target: string }
  | { path: string; kind: 'device'; major: number; minor: number; mode?: number };

/** Sorted by path, with the folders that are only implied: the same entries always pack to the same bytes. */
export function completeTree(entries: readonly TreeEntry[]): TreeEntry[] {
  const all = new Map<string, TreeEntry>();
  for (const entry of entries) {
    const parts = entry.path.split('/');
    if (parts.some(part => part === '' || part === '.' || part === '..')) {
      throw new Error(`"${entry.path}" is no path inside an image`);
    }
    for (let depth = 1; depth < parts.length; depth++) {
      const path = parts.slice(0, depth).join('/');
      if (!all.has(path)) all.set(path, { path, kind: 'folder' });
    }
    all.set(entry.path, entry);
  }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Permission bits (the type is left to the format). */
export function permissions(entry: TreeEntry): number {
  switch (entry.kind) {
    case 'file':
      return entry.executable ? 0o755 : 0o644;
    case 'folder':
      return entry.mode ?? 0o755;
    case 'link':
      return 0o777;
    case 'device':
      return entry.mode ?? 0o600;
  }
}
