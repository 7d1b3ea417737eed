import { resourceName } from '@v3vee/contracts';
import { fileProblem, nameFrom } from './files';

describe('files of an image', () => {
  it('are refused before they are sent where that is right already', () => {
    expect(fileProblem('kernel', undefined, 100)).toBe('an image needs a kernel: choose its file');
    expect(fileProblem('initrd', undefined, 100)).toBeUndefined();
    expect(fileProblem('initrd', { size: 0 }, 100)).toBe('the initrd is empty');
    expect(fileProblem('kernel', { size: 101 }, 100)).toContain('at most 100');
    expect(fileProblem('kernel', { size: 100 }, 100)).toBeUndefined();
  });

  it('propose a name that the contract takes, or none', () => {
    expect(nameFrom('vmlinuz-6.1.0_686.img')).toBe('vmlinuz-6-1-0-686');
    for (const name of ['BZIMAGE', 'a'.repeat(90), `${'b'.repeat(62)}--c`, 'kernel (1).bin'])
      expect(resourceName.safeParse(nameFrom(name)).success).toBe(true);
    expect(nameFrom('内核')).toBe('');
  });
});
