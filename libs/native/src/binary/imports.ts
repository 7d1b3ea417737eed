export const WASI_MODULE = 'wasi_snapshot_preview1';

/** WASI preview 1. Calls for files and sockets are there and fail: a rank has no file system. */
export const WASI_IMPORTS: ReadonlySet<string> = new Set([
  ...['args_get', 'args_sizes_get', 'environ_get', 'environ_sizes_get', 'clock_res_get', 'clock_time_get'],
  ...['fd_advise', 'fd_allocate', 'fd_close', 'fd_datasync', 'fd_fdstat_get', 'fd_fdstat_set_flags'],
  ...['fd_fdstat_set_rights', 'fd_filestat_get', 'fd_filestat_set_size', 'fd_filestat_set_times', 'fd_pread'],
  ...[
    'fd_prestat_dir_name',
    'fd_prestat_get',
    'fd_pwrite',
    'fd_read',
    'fd_readdir',
    'fd_renumber',
    'fd_seek',
  ],
  ...[
    'fd_sync',
    'fd_tell',
    'fd_write',
    'path_create_directory',
    'path_filestat_get',
    'path_filestat_set_times',
  ],
  ...['path_link', 'path_open', 'path_readlink', 'path_remove_directory', 'path_rename', 'path_symlink'],
  ...['path_unlink_file', 'poll_oneoff', 'proc_exit', 'proc_raise', 'random_get', 'sched_yield'],
  ...['sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown'],
]);

/** What Kitten offers a rank besides; see `rank/kitten-calls.ts`. */
export const KITTEN_IMPORTS: ReadonlySet<string> = new Set([
  ...['rank', 'size', 'clock', 'barrier', 'allreduce_sum', 'smartmap_read', 'smartmap_write'],
]);

/** Names that instrumenting adds. A binary that exports them itself is refused by the engine. */
export const ADDED = {
  /** Mutable i32: what is left until the next look at the gate. */
  fuel: 'v3:fuel',
  /** Mutable i32: pages that memory.grow may reach. */
  limit: 'v3:limit',
  /** Table whose only entry looks at the gate. */
  gate: 'v3:gate',
  /** What was the start function. */
  start: 'v3:start',
  /** Memory 0, which the rank's host makes. */
  memory: { module: 'v3', name: 'memory' },
} as const;
