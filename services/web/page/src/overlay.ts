// Two inks in one frame, drawn pixel by pixel.

import { pngUrl } from "./dom.ts";
import type { Comparison } from "./types.ts";

/** Grey pixels, row by row. */
interface Plane {
  readonly size: number;
  readonly values: Uint8ClampedArray;
}

export interface Planes {
  readonly a: Plane;
  readonly b: Plane;
  readonly agrees: Plane;
  readonly contradicts: Plane;
}

export type Drawing = "overlaid" | "a" | "b" | "differences";

// The colours of the legend in style.css; the paper is white in dark mode too, as in the pictures beside it.
const BOTH = [55, 60, 70] as const;
const ONLY_A = [0, 98, 214] as const;
const ONLY_B = [214, 88, 0] as const;
const AGREES = [120, 215, 150] as const;
const CONTRADICTS = [255, 96, 96] as const;

export async function planesOf(overlay: NonNullable<Comparison["overlay"]>): Promise<Planes> {
  const [a, b, agrees, contradicts] = await Promise.all(
    [overlay.a_ink_png, overlay.b_ink_png, overlay.agrees_png, overlay.contradicts_png].map(plane),
  );
  if (!a || !b || !agrees || !contradicts) throw new Error("a plane is missing");
  return { a, b, agrees, contradicts };
}

/** Draws one of the views onto a canvas, which gets the size of the ink. */
export function draw(canvas: HTMLCanvasElement, planes: Planes, drawing: Drawing): void {
  const { size } = planes.a;
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d", { willReadFrequently: true }); // pixels come and go, nothing is drawn
  if (!context) return;
  const image = context.createImageData(size, size);
  const step = size / planes.agrees.size; // of the places, in pixels of ink
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const i = row * size + column;
      const a = (planes.a.values[i] ?? 0) / 255;
      const b = (planes.b.values[i] ?? 0) / 255;
      const colour = [255, 255, 255];
      if (drawing === "differences") {
        const place = Math.floor(row / step) * planes.agrees.size + Math.floor(column / step);
        blend(colour, AGREES, ((planes.agrees.values[place] ?? 0) / 255) * 0.75);
        blend(colour, CONTRADICTS, (planes.contradicts.values[place] ?? 0) / 255);
      }
      if (drawing === "a") blend(colour, ONLY_A, a);
      else if (drawing === "b") blend(colour, ONLY_B, b);
      else {
        const both = Math.min(a, b);
        blend(colour, ONLY_A, a - both);
        blend(colour, ONLY_B, b - both);
        blend(colour, BOTH, both);
      }
      image.data.set([...colour, 255], 4 * i);
    }
  }
  context.putImageData(image, 0, 0);
}

function blend(colour: number[], [red, green, blue]: readonly [number, number, number], share: number): void {
  colour[0] = (colour[0] ?? 0) * (1 - share) + red * share;
  colour[1] = (colour[1] ?? 0) * (1 - share) + green * share;
  colour[2] = (colour[2] ?? 0) * (1 - share) + blue * share;
}

async function plane(base64: string): Promise<Plane> {
  const image = new Image();
  image.src = pngUrl(base64);
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("the browser has no canvas");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return { size: canvas.width, values: data.filter((_, i) => i % 4 === 0) };
}
