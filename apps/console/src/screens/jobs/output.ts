import type { JobOutput } from '@v3vee/contracts';

/** Of what is shown; the job has the rest. */
export const CHARACTERS_SHOWN = 200_000;

export interface Line {
  number: number;
  rank: number;
  stream: 'stdout' | 'stderr';
  text: string;
}

/** What the ranks of a job printed, as lines: bytes come in pieces, of which none need end where a line or a letter does. */
export class Output {
  private readonly decoders = new Map<string, TextDecoder>();
  private readonly open = new Map<string, Line>();
  private kept: Line[] = [];
  private size = 0;
  private count = 0;

  get lines(): readonly Line[] {
    return this.kept;
  }

  push({ pieces }: JobOutput): void {
    for (const { rank, stream, data } of pieces) {
      const key = `${rank} ${stream}`;
      let decoder = this.decoders.get(key);
      if (!decoder) this.decoders.set(key, (decoder = new TextDecoder()));
      const bytes = Uint8Array.from(atob(data), character => character.charCodeAt(0));
      const parts = decoder.decode(bytes, { stream: true }).split('\n');
      parts.forEach((text, index) => {
        if (index > 0) this.open.delete(key);
        if (text !== '') this.add(key, rank, stream, text);
        else if (index < parts.length - 1 && !this.open.has(key)) this.add(key, rank, stream, '');
      });
    }
    let dropped = 0;
    while (this.size > CHARACTERS_SHOWN && dropped < this.kept.length - 1)
      this.size -= (this.kept[dropped++] as Line).text.length + 1;
    this.kept = this.kept.slice(dropped);
  }

  private add(key: string, rank: number, stream: Line['stream'], text: string): void {
    this.size += text.length + 1;
    const line = this.open.get(key);
    if (line) {
      line.text += text;
      return;
    }
    const made = { number: ++this.count, rank, stream, text };
    this.open.set(key, made);
    this.kept.push(made);
  }
}
