// What a person takes along: the reviewed stamps as JSON, CSV and COCO, and the vectors.

import { letterOf } from "./dies.ts";
import type { Found, State } from "./state.ts";

/** The embedder of the document, without which a vector means nothing. */
function embedder(state: State): string | null {
  return state.rest?.models[1] ?? null; // detector, embedder, ... as in the contract
}

function record(state: State, found: Found) {
  const { stamp } = found;
  const { verdict, box } = state.decision(found);
  const die = state.dieOf(found);
  return {
    stamp: state.name(found),
    page: found.page + 1,
    review: verdict,
    box: [...(box ?? stamp.box)],
    detected_box: [...stamp.box],
    box_redrawn: box !== null,
    score: stamp.score,
    type: stamp.type,
    ink: stamp.ink_colour,
    rotation_degrees: stamp.angle_degrees,
    width_mm: stamp.width_mm,
    height_mm: stamp.height_mm,
    source: stamp.source,
    die: die ? letterOf(die) : null,
    text: stamp.text?.lines.map(({ text }) => text).filter(Boolean) ?? null,
  };
}

function pagesOf(state: State) {
  return [...state.pages.values()].sort((a, b) => a.page - b.page);
}

/** All stamps that are shown, with what was said of each. */
export function reviewJson(state: State): string {
  const { file, options, rest, filters } = state;
  const document = {
    file: file?.name ?? "",
    preset: options.preset,
    models: rest?.models ?? [],
    threshold: filters.threshold,
    pages: pagesOf(state).map(({ page, label, width, height, resolution, error }) => ({
      page: page + 1,
      label,
      width,
      height,
      resolution,
      error: error?.detail ?? null,
    })),
    stamps: state.visible.map((found) => record(state, found)),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

export function reviewCsv(state: State): string {
  const rows = state.visible.map((found) => {
    const { box, detected_box, text, ...rest } = record(state, found);
    const [x1, y1, x2, y2] = box;
    return { file: state.file?.name ?? "", ...rest, x1, y1, x2, y2, detected_box: detected_box.join(" "), text: text?.join(" / ") ?? "" };
  });
  const columns = Object.keys(rows[0] ?? { file: "" });
  return csv([columns, ...rows.map((row) => Object.values(row))]);
}

/** What was not rejected, as a data set of one document: an image a page, boxes as x, y, width, height. */
export function reviewCoco(state: State): string {
  const kept = state.visible.filter((found) => state.decision(found).verdict !== "rejected");
  const types = [...new Set(kept.map((found) => found.stamp.type))].sort();
  const dataset = {
    info: { description: `Stamps of ${state.file?.name ?? ""}`, version: "1.0" },
    images: pagesOf(state)
      .filter((row) => row.error === null)
      .map((row) => ({
        id: row.page + 1,
        file_name: state.file?.name ?? "",
        page: row.page + 1,
        width: row.width,
        height: row.height,
      })),
    categories: types.map((name, i) => ({ id: i + 1, name, supercategory: "stamp" })),
    annotations: kept.map((found, i) => {
      const [x1, y1, x2, y2] = state.boxOf(found);
      const [width, height] = [x2 - x1, y2 - y1];
      return {
        id: i + 1,
        image_id: found.page + 1,
        category_id: types.indexOf(found.stamp.type) + 1,
        bbox: [x1, y1, width, height],
        area: width * height,
        iscrowd: 0,
        score: found.stamp.score,
        attributes: { stamp: state.name(found), review: state.decision(found).verdict },
      };
    }),
  };
  return `${JSON.stringify(dataset, null, 2)}\n`;
}

export function vectorJson(state: State, found: Found): string {
  const { page, box, score, stamp } = record(state, found);
  return `${JSON.stringify({ stamp, page, box, score, model: embedder(state), vector: found.stamp.vector ?? null })}\n`;
}

export function vectorsJson(state: State): string {
  return `[\n${state.visible.map((found) => vectorJson(state, found).trimEnd()).join(",\n")}\n]\n`;
}

export function vectorsCsv(state: State): string {
  const found = state.visible.filter((each) => each.stamp.vector);
  const size = found[0]?.stamp.vector?.length ?? 0;
  const names = Array.from({ length: size }, (_, i) => `v${i}`);
  const model = embedder(state) ?? "";
  const rows = found.map((each) => [state.name(each), each.page + 1, model, ...(each.stamp.vector ?? [])]);
  return csv([["stamp", "page", "model", ...names], ...rows]);
}

type Cell = string | number | boolean | null | undefined;

/** RFC 4180. A text that a spreadsheet would take for a formula begins with an apostrophe. */
function csv(rows: Cell[][]): string {
  const cell = (value: Cell): string => {
    const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
