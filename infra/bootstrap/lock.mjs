import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Runs `action` while holding `file` as a lock between processes; the lock of a dead process is taken over.
 * The lock appears by link(2) with its owner's pid in it, so nobody reads a half-written one.
 */
export async function withLock(file, onWait, action) {
  mkdirSync(dirname(file), { recursive: true });
  const mine = `${file}.${randomUUID()}`;
  writeFileSync(mine, String(process.pid));
  try {
    for (let told = false; !tryLink(mine, file);) {
      const owner = readOwner(file);
      if (owner === undefined) continue; // released in between
      if (isAlive(owner)) {
        if (!told) onWait(owner);
        told = true;
        await delay(200);
      } else {
        takeAway(file, owner);
      }
    }
  } finally {
    rmSync(mine, { force: true });
  }
  try {
    return await action();
  } finally {
    rmSync(file, { force: true });
  }
}

/** Of two that see the same dead owner, one may already have locked anew when the other comes: then give it back. */
function takeAway(file, deadOwner) {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (readOwner(aside) !== deadOwner) tryLink(aside, file);
  rmSync(aside, { force: true });
}

function tryLink(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function readOwner(file) {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
