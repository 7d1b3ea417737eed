import { readScreen } from './screen';
import type { V86Vga } from './v86-internals';

/** An adapter as a BIOS leaves it, with a font whose 'A' is one column. */
function adapter(change: Partial<V86Vga> = {}): V86Vga {
  const memory = new Uint8Array(4 * 65536);
  const plane2 = memory.subarray(0x20000, 0x30000);
  plane2.fill(0x80, 65 * 32, 65 * 32 + 16);
  const palette = new Int32Array(256);
  palette.set([0x000000, 0x0000aa, 0x00aa00, 0xaaaaaa].map((colour, i) => (i === 3 ? 0xaaaaaa : colour)));
  return {
    ...{ graphical_mode: false, svga_enabled: false, vga_memory: memory, plane2, vga256_palette: palette },
    ...{ max_cols: 80, max_rows: 25, start_address: 0, offset_register: 40, cursor_address: 0xffff },
    ...{ max_scan_line: 15, clocking_mode: 0, attribute_mode: 0x0c, character_map_select: 0, dac_mask: 0xff },
    ...{ dac_map: Uint8Array.from({ length: 16 }, (_, i) => i), cursor_scanline_start: 14 },
    ...{
      cursor_scanline_end: 15,
      pixel_buffer: new Uint8Array(1 << 19),
      svga_memory: new Uint8Array(1 << 20),
    },
    ...{ svga_width: 0, svga_height: 0, svga_bpp: 32, svga_offset: 0, layers: [], virtual_width: 0 },
    ...{ screen_width: 0, screen_height: 0, color_select: 0, color_plane_enable: 15 },
    complete_replot: () => undefined,
    vga_replot: () => undefined,
    update_layers: () => undefined,
    get_state: () => [],
    ...change,
  };
}

const pixel = ({ rgb, width }: { rgb: Uint8Array; width: number }, x: number, y: number) => [
  ...rgb.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
];

describe('a text screen', () => {
  it('shows characters in their colours, from where the adapter starts', () => {
    const vga = adapter({ start_address: 80 });
    vga.vga_memory.set([65, 0x12, 66, 0x07], 160);
    const screen = readScreen(vga);
    expect([screen.width, screen.height]).toEqual([720, 400]);
    expect(screen.text?.[0]).toBe('AB');
    expect(pixel(screen, 0, 0)).toEqual([0, 0xaa, 0]);
    expect(pixel(screen, 1, 0)).toEqual([0, 0, 0xaa]);
    expect(screen.text).toHaveLength(25);
  });

  it('has characters of 8 or 9 columns, and lines that reach into the ninth', () => {
    const vga = adapter();
    vga.plane2.fill(0xff, 0xc4 * 32, 0xc4 * 32 + 16);
    vga.vga_memory.set([0xc4, 0x03, 0x20, 0x03], 0);
    expect(pixel(readScreen(vga), 8, 0)).toEqual([0xaa, 0xaa, 0xaa]);
    expect(readScreen(vga).text?.[0]).toBe('─');
    expect(readScreen({ ...vga, clocking_mode: 1 }).width).toBe(640);
  });

  it('shows the cursor, unless it is off', () => {
    const vga = adapter({ cursor_address: 2 });
    vga.vga_memory.set([0, 0, 0, 0, 32, 0x03], 0);
    expect(pixel(readScreen(vga), 18, 15)).toEqual([0xaa, 0xaa, 0xaa]);
    expect(pixel(readScreen(vga), 18, 13)).toEqual([0, 0, 0]);
    expect(pixel(readScreen({ ...vga, cursor_scanline_start: 0x2e }), 18, 15)).toEqual([0, 0, 0]);
  });
});

describe('a graphics screen', () => {
  it('of pixels one after the other', () => {
    const memory = new Uint8Array(64);
    memory.set([3, 2, 1, 0, 0x30, 0x20, 0x10, 0], 8);
    const change = {
      graphical_mode: true,
      svga_enabled: true,
      svga_width: 2,
      svga_height: 1,
      svga_offset: 2,
    };
    const screen = readScreen(adapter({ ...change, svga_bpp: 32, svga_memory: memory }));
    expect(screen).toMatchObject({ width: 2, height: 1, text: null });
    expect([...screen.rgb]).toEqual([1, 2, 3, 0x10, 0x20, 0x30]);
    memory.set([0x00, 0xf8, 0xe0, 0x07], 0);
    const sixteen = readScreen(adapter({ ...change, svga_offset: 0, svga_bpp: 16, svga_memory: memory }));
    expect([...sixteen.rgb]).toEqual([255, 0, 0, 0, 255, 0]);
  });

  it('of planes: the parts that the engine says', () => {
    const vga = adapter({
      ...{ graphical_mode: true, screen_width: 2, screen_height: 2, virtual_width: 4, attribute_mode: 0x41 },
      layers: [{ screen_x: 0, screen_y: 0, buffer_x: 0, buffer_y: 1, buffer_width: 4, buffer_height: 2 }],
    });
    vga.pixel_buffer.set([1, 2, 3, 3, 2, 1], 4);
    const screen = readScreen(vga);
    expect(pixel(screen, 0, 0)).toEqual([0, 0, 0xaa]);
    expect(pixel(screen, 1, 1)).toEqual([0, 0, 0xaa]);
  });

  it('of an impossible size is empty', () => {
    const change = { graphical_mode: true, svga_enabled: true, svga_width: 65535, svga_height: 65535 };
    expect(readScreen(adapter(change))).toMatchObject({ width: 0, height: 0 });
  });
});
