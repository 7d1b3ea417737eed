import type { V86Vga } from './v86-internals';

/** What is on a machine's screen. */
export interface Screen {
  width: number;
  height: number;
  /** Three bytes for each pixel, row by row. */
  rgb: Uint8Array<ArrayBuffer>;
  /** Rows of characters (code page 437), where it shows text; null: it shows graphics. */
  text: string[] | null;
}

/** No adapter of ours has more. */
const MAX_PIXELS = 1 << 24;
/** A glyph has this many bytes of the font, of which the character's height are used. */
const GLYPH_BYTES = 32;
const FONT_BYTES = 8192;
/** Where the font of each selector value lies in plane 2, in fonts. */
const FONT_OF = [0, 2, 4, 6, 1, 3, 5, 7];
/** The characters that draw lines reach into the ninth column. */
const LINE_FIRST = 0xc0;
const LINE_LAST = 0xdf;

/** The engine's display adapter as a monitor shows it. The engine itself draws only in a browser. */
export function readScreen(vga: V86Vga): Screen {
  if (!vga.graphical_mode) return textScreen(vga);
  return vga.svga_enabled ? linearScreen(vga) : planarScreen(vga);
}

function canvas(width: number, height: number) {
  if (width * height > MAX_PIXELS) [width, height] = [0, 0];
  const rgb = new Uint8Array(3 * width * height);
  return {
    ...{ width, height, rgb },
    set: (x: number, y: number, colour: number) => {
      if (x < 0 || y < 0 || x >= width || y >= height) return;
      const at = 3 * (y * width + x);
      rgb[at] = colour >> 16;
      rgb[at + 1] = colour >> 8;
      rgb[at + 2] = colour;
    },
  };
}

function textScreen(vga: V86Vga): Screen {
  const charHeight = (vga.max_scan_line & 31) + 1;
  const charWidth = vga.clocking_mode & 1 ? 8 : 9;
  const { max_cols: columns, max_rows: rows } = vga;
  const picture = canvas(columns * charWidth, rows * charHeight);
  const blinks = (vga.attribute_mode & 8) !== 0;
  const select = vga.character_map_select;
  const fonts = [((select & 12) >> 2) | ((select & 32) >> 3), (select & 3) | ((select & 16) >> 2)].map(
    value => FONT_OF[value]! * FONT_BYTES,
  ) as [number, number];
  const twoFonts = fonts[0] !== fonts[1];
  const colour = (index: number) => vga.vga256_palette[vga.dac_mask & vga.dac_map[index]!]!;
  const stride = 2 * Math.max(columns, 2 * vga.offset_register);
  const text: string[] = [];
  for (let row = 0; row < rows; row++) {
    let line = '';
    for (let column = 0; column < columns; column++) {
      const at = ((vga.start_address << 1) + row * stride + 2 * column) & 0x1ffff;
      const [character, attribute] = [vga.vga_memory[at]!, vga.vga_memory[at + 1]!];
      line += CODE_PAGE_437[character];
      const ink = colour(attribute & (twoFonts ? 7 : 15));
      const paper = colour((attribute >> 4) & (blinks ? 7 : 15));
      const glyph = fonts[twoFonts && !(attribute & 8) ? 1 : 0] + character * GLYPH_BYTES;
      const under = 2 * vga.cursor_address === at - (at & 1) && cursorLines(vga);
      for (let y = 0; y < charHeight; y++) {
        const bits = vga.plane2[(glyph + y) & 0xffff]!;
        const isCursor = under && y >= under[0] && y <= under[1];
        for (let x = 0; x < charWidth; x++) {
          const repeats = (vga.attribute_mode & 4) !== 0 && character >= LINE_FIRST && character <= LINE_LAST;
          const isSet = x < 8 ? (bits >> (7 - x)) & 1 : repeats && bits & 1;
          picture.set(column * charWidth + x, row * charHeight + y, isSet || isCursor ? ink : paper);
        }
      }
    }
    text.push(line.trimEnd());
  }
  const { width, height, rgb } = picture;
  return { width, height, rgb, text };
}

/** First and last line of the cursor in its character, if it is shown. */
function cursorLines(vga: V86Vga): [number, number] | false {
  const last = vga.max_scan_line & 31;
  const start = Math.min(last, vga.cursor_scanline_start & 31);
  const end = Math.min(last, vga.cursor_scanline_end & 31);
  return (vga.cursor_scanline_start & 32) === 0 && start <= end && [start, end];
}

/** VGA graphics: the engine makes pixels of the planes, and says which part of them is seen where. */
function planarScreen(vga: V86Vga): Screen {
  vga.complete_replot();
  vga.vga_replot();
  vga.update_layers();
  const { set, width, height, rgb } = canvas(vga.screen_width, vga.screen_height);
  const wide = (vga.attribute_mode & 0x80) !== 0 ? vga.color_select : 0;
  const colour = (pixel: number): number => {
    const index =
      vga.attribute_mode & 0x40
        ? wide
          ? (pixel & 0xcf) | ((wide << 4) & 0x30)
          : pixel
        : wide
          ? (vga.dac_map[pixel & vga.color_plane_enable & 15]! & 0x0f) | ((wide << 4) & 0xf0)
          : (vga.dac_map[pixel & vga.color_plane_enable & 15]! & 0x3f) | ((vga.color_select << 4) & 0xc0);
    return vga.vga256_palette[index & vga.dac_mask]!;
  };
  for (const layer of vga.layers) {
    for (let y = 0; y < layer.buffer_height; y++) {
      for (let x = 0; x < layer.buffer_width; x++) {
        const at = (layer.buffer_y + y) * vga.virtual_width + layer.buffer_x + x;
        set(layer.screen_x + x, layer.screen_y + y, colour(vga.pixel_buffer[at] ?? 0));
      }
    }
  }
  return { width, height, rgb, text: null };
}

/** Bochs's extension: pixels one after the other. */
function linearScreen(vga: V86Vga): Screen {
  const { svga_width, svga_height, svga_bpp: bits, svga_memory: memory, svga_offset } = vga;
  const { set, width, height, rgb } = canvas(svga_width, svga_height);
  const bytes = bits === 15 ? 2 : bits >> 3;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (svga_offset + y * width + x) * bytes;
      const pixel = little(memory, at, bytes);
      set(x, y, bits === 8 ? vga.vga256_palette[pixel]! : toRgb(pixel, bits));
    }
  }
  return { width, height, rgb, text: null };
}

const little = (memory: Uint8Array, at: number, bytes: number): number => {
  let value = 0;
  for (let i = Math.min(bytes, 3) - 1; i >= 0; i--) value = (value << 8) | (memory[at + i] ?? 0);
  return value;
};

function toRgb(pixel: number, bits: number): number {
  if (bits > 16) return pixel;
  const green = bits === 16 ? 6 : 5;
  const scale = (value: number, of: number) => Math.round((value * 255) / (2 ** of - 1));
  const part = (shift: number, of: number) => scale((pixel >> shift) & (2 ** of - 1), of);
  return (part(5 + green, 5) << 16) | (part(5, green) << 8) | part(0, 5);
}

/** As text: control characters are shown as spaces. */
const CODE_PAGE_437 = [
  ...' '.repeat(32),
  ...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)),
  ' ',
  ...'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ',
];
