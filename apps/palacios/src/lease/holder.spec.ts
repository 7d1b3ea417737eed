import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { isDead, thisHolder } from './holder';

const linux = process.platform === 'linux' ? it : it.skip;

linux('a process that runs is not dead, and no other with its PID is it', () => {
  const holder = thisHolder();
  expect(isDead(holder)).toBe(false);
  expect(isDead(holder.replace(/\d+$/, '1'))).toBe(true);
});

linux('a process that is gone is dead', async () => {
  const child = spawn('true');
  const [boot, namespace] = thisHolder().split('/');
  await once(child, 'exit');
  expect(isDead(`${boot}/${namespace}/${child.pid}/1`)).toBe(true);
});

linux('of a process elsewhere nothing is known', () => {
  const [boot, namespace, pid] = thisHolder().split('/');
  expect(isDead(`other/${namespace}/${pid}/1`)).toBe(false);
  expect(isDead(`${boot}/pid:[1]/${pid}/1`)).toBe(false);
  for (const nonsense of ['', 'x', 'a/b/c/d', `${boot}/${namespace}/../1`])
    expect(isDead(nonsense)).toBe(false);
});
