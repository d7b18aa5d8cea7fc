// What HTTP answers; docs/http.md and /openapi.json describe it.

/** x1, y1, x2, y2 in pixels of the page. */
export type Box = readonly [number, number, number, number];

export interface Problem {
  title: string;
  status: number;
  detail: string;
  request_id: string;
  violations: { field: string; description: string }[];
  retry_after_s: number | null;
}

/** A part of a stamp whose text is straight; `ring` where it lay on one, `line` where it did not. */
export interface Strip {
  pixels_png: string;
  ring: { outer: number; reading: string } | null;
  line: unknown;
}

/** What a stamp says, in reading order. */
export interface Text {
  lines: { text: string; confidence: number; doubtful: boolean }[];
  dates: { iso: string; text: string; doubtful: boolean }[];
  numbers: { digits: string; doubtful: boolean }[];
  warnings: string[];
}

export interface Stamp {
  box: Box;
  score: number;
  type: string;
  angle_degrees: number;
  ink_colour: string | null;
  source: string;
  width_mm: number | null;
  height_mm: number | null;
  crop_box: Box;
  vector?: number[];
  mask_png?: string;
  crop_png?: string;
  unrolled?: Strip[];
  text?: Text;
}

export interface PageRow {
  page: number;
  label: string | null;
  width: number;
  height: number;
  resolution: [number, number] | null;
  warnings: string[];
  stamps: Stamp[];
  error: Problem | null;
  /** Where it was asked for. */
  erased_png?: string;
}

export interface DocumentRow {
  page_count: number;
  warnings: string[];
  die_groups: number[];
  similarity: number[][];
  probability: number[][] | null;
  prior: number | null;
  models: string[];
}

export type Line =
  | ({ type: "page" } & PageRow)
  | { type: "progress"; pages_done: number }
  | ({ type: "document" } & DocumentRow)
  | { type: "problem"; problem: Problem };

export interface PictureRow {
  page: number;
  page_count: number;
  width: number | null;
  height: number | null;
  jpeg: string | null;
  error: Problem | null;
}

export interface Comparison {
  verdict: "same" | "different" | "same layout" | "mirrored" | "cannot tell";
  reason: string;
  similarity: number;
  probability: number | null;
  prior: number;
  model: string;
  missing_ink: number | null;
  added_ink: number | null;
  mirrored: boolean | null;
  overlay: { a_ink_png: string; b_ink_png: string; agrees_png: string; contradicts_png: string } | null;
}

export interface Model {
  name: string;
  task: string | null;
  presets: string[];
  threshold: number;
}

/** What the person chose before the upload. */
export interface Options {
  preset: "fast" | "accurate";
  pages: string;
  password: string;
  /** Whether stamps are read: it takes longer than all the rest. */
  reads: boolean;
}
