import { PNG } from 'pngjs';

/** @param rgb three bytes for each pixel, row by row. @returns a PNG file; empty for a picture without pixels */
export function encodePng(width: number, height: number, rgb: Uint8Array): Buffer {
  if (width * height === 0) return Buffer.alloc(0);
  const png = new PNG({ width, height, colorType: 2, inputColorType: 2, inputHasAlpha: false });
  png.data = Buffer.from(rgb.buffer, rgb.byteOffset, rgb.length);
  return PNG.sync.write(png, { colorType: 2, inputColorType: 2, inputHasAlpha: false });
}
