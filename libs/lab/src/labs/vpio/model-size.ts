import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CardModel } from '@v3vee/contracts';
import { checkoutRoot } from '@v3vee/setup';

export interface ModelSize {
  /** All lines of its files. */
  lines: number;
  /** Without blank lines and comments. */
  code: number;
}

/** Both RTL8139 are one model in two variants. */
const FOLDERS: Record<CardModel, string> = { ne2000: 'ne2000', rtl8139: 'rtl8139', 'rtl8139c+': 'rtl8139' };

/** Size of a card's device model, its tests and their fixtures left out; undefined where the sources are not there. */
export async function modelSize(model: CardModel): Promise<ModelSize | undefined> {
  const folder = join(checkoutRoot, 'libs/device-models/src', FOLDERS[model]);
  const names = (await readdir(folder).catch(() => [])).filter(isModelSource);
  if (names.length === 0) return undefined;
  const texts = await Promise.all(names.map(name => readFile(join(folder, name), 'utf8')));
  const sizes = texts.map(countLines);
  return {
    lines: sizes.reduce((sum, { lines }) => sum + lines, 0),
    code: sizes.reduce((sum, { code }) => sum + code, 0),
  };
}

export const isModelSource = (name: string): boolean => /(?<!\.(spec|fixture))\.ts$/.test(name);

/** Comments are counted as the house writes them: on lines of their own. */
export function countLines(text: string): ModelSize {
  const lines = text.replace(/\n$/, '').split('\n');
  let code = 0;
  let inComment = false;
  for (const line of lines.map(each => each.trim())) {
    if (inComment || line.startsWith('/*')) inComment = !line.includes('*/');
    else if (line !== '' && !line.startsWith('//')) code++;
  }
  return { lines: lines.length, code };
}
