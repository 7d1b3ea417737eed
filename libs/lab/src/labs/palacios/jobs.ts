/**
 * Work of a guest that both sides do. Each takes some seconds: long against one echo on the serial line (milliseconds).
 * A guest with a disk would have jobs here, too.
 */
export const jobs: Readonly<Record<string, string>> = {
  'CPU: md5sum of 32 MiB': 'dd if=/dev/zero bs=1M count=32 2>/dev/null | md5sum',
  'CPU: sha256sum of 16 MiB': 'dd if=/dev/zero bs=1M count=16 2>/dev/null | sha256sum',
  'CPU: awk, 300,000 rounds': `awk 'BEGIN { for (i = 0; i < 300000; i++) s += i * i % 7; print s }'`,
  'CPU: shell, 60,000 rounds': 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; echo $i',
  'memory: 160 MiB copied in RAM':
    'dd if=/dev/zero of=/tmp/a bs=1M count=8 2>/dev/null; i=0; while [ $i -lt 20 ]; do cp /tmp/a /tmp/b; i=$((i+1)); done; rm /tmp/a /tmp/b',
  'system calls: 300,000': 'dd if=/dev/zero of=/dev/null bs=1 count=150000 2>/dev/null',
  'fork and exec: 200': 'i=0; while [ $i -lt 200 ]; do /bin/busybox true; i=$((i+1)); done',
};
