const MARK = 'Kernel panic - not syncing: ';
const LONGEST_LINE = 400;

/**
 * Finds a kernel's panic message in what it prints on its serial console. There is no panic device that this
 * chipset's Linux would find without ACPI; the kernel resets right afterwards (`panic=-1`), and this tells why.
 */
export class PanicWatch {
  private line = '';
  found: string | undefined;

  look(data: Uint8Array): void {
    if (this.found) return;
    const lines = (this.line + Buffer.from(data).toString('latin1')).split('\n');
    this.line = lines.pop()!.slice(-LONGEST_LINE);
    const hit = lines.find(line => line.includes(MARK));
    if (hit) this.found = `kernel panic: ${hit.slice(hit.indexOf(MARK) + MARK.length).trim()}`;
  }
}
