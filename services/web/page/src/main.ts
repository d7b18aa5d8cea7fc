// Puts the parts together: what is opened is analysed, and every key has its place.

import { Api, Failed } from "./api.ts";
import { ask } from "./ask.ts";
import { Cards } from "./cards.ts";
import { CompareDialog } from "./compare.ts";
import { announce, byId, counted, download, safeName } from "./dom.ts";
import { reviewCoco, reviewCsv, reviewJson, vectorsCsv, vectorsJson } from "./exports.ts";
import { FilterBar } from "./filters.ts";
import { Matrix } from "./matrix.ts";
import { Pictures } from "./pictures.ts";
import { ProblemPanel, asksForPassword, mayRetry } from "./problems.ts";
import { Progress } from "./progress.ts";
import { Redraw } from "./redraw.ts";
import { Review } from "./review.ts";
import { State, type Found } from "./state.ts";
import { Strip } from "./strip.ts";
import { Tabs } from "./tabs.ts";
import type { Options } from "./types.ts";
import { Upload } from "./upload.ts";
import { Viewer } from "./viewer.ts";

const LOWEST_SCORE = 0.15; // that is asked for: the threshold moves above it without another call
const USUAL_THRESHOLD = 0.5; // until the models are known

const state = new State();
const api = new Api(() =>
  ask({
    title: "Token needed",
    text: "This service takes calls with a token only. It is kept until this page is closed, and stored nowhere.",
    label: "Token",
  }),
);
const pictures = new Pictures(api, state);
const viewer = new Viewer(state, pictures);
const strip = new Strip(state, pictures);
const redraw = new Redraw(state, viewer);
const review = new Review(state);
const comparison = new CompareDialog(state, api);
const tabs = new Tabs();
const cards = new Cards(state, {
  compare: (found) => comparison.open(found),
  redraw: (found) => redraw.start(found),
  reveal: (found) => {
    if (matchMedia("(max-width: 60rem)").matches) viewer.stage.scrollIntoView({ block: "nearest" });
    cards.focus(found);
  },
});
new FilterBar(state);
new Matrix(state, (a, b) => comparison.open(a, b));
const upload = new Upload((file, options) => void open(file, options));
const problems = new ProblemPanel(() => {
  if (state.file) void open(state.file, state.options);
});
const thresholds = new Map<string, number>();
let running = new AbortController();
new Progress(state, () => running.abort());

/** Analyses a document, and shows what comes as it comes. */
async function open(file: File, options: Options): Promise<void> {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  problems.hide();
  byId("start", HTMLElement).hidden = true;
  byId("work", HTMLElement).hidden = false;
  byId("document-name", HTMLElement).textContent = file.name;
  document.title = `${file.name} – Stamp2vec`;
  state.open(file, options, thresholds.get(options.preset) ?? USUAL_THRESHOLD);
  announce(`${file.name} is being analysed.`);
  const drawing = pictures.open(file).then(() => {
    if (signal.aborted) return;
    pictures.wantFirst();
    state.changed("pictures", "progress");
  });
  try {
    if (thresholds.size === 0) {
      await askThresholds();
      state.setFilters({ threshold: thresholds.get(options.preset) ?? USUAL_THRESHOLD });
    }
    for await (const line of api.analyze(file, options, LOWEST_SCORE, signal)) {
      if (line.type === "page") state.addPage(line);
      else if (line.type === "document") state.rest = line;
      else if (line.type === "problem") throw new Failed(line.problem);
    }
    state.pageCount = state.rest?.page_count ?? state.pageCount;
    announce(`Done: ${counted(state.visible.length, "stamp")} on ${counted(state.pages.size, "page")}.`);
  } catch (error) {
    if (running.signal !== signal) return; // another document has been opened since
    if (error instanceof Failed) await onFailed(error, file, options);
    else if (signal.aborted) announce(`Cancelled after ${counted(state.pages.size, "page")}.`);
    else throw error;
    if (running.signal !== signal) return;
  }
  await drawing;
  state.isRunning = false;
  state.changed("results", "progress", "selection");
}

async function onFailed(failed: Failed, file: File, options: Options): Promise<void> {
  const { problem } = failed;
  if (asksForPassword(problem)) {
    const text = options.password ? "This password does not open the document. Try another." : "The document opens with a password. It goes with the document, and is stored nowhere.";
    const password = await ask({ title: `Password of ${file.name}`, text, label: "Password" });
    if (password !== null) return open(file, { ...options, password });
  }
  state.problem = problem;
  problems.show(problem, mayRetry(problem));
}

/** The detectors' own thresholds, by preset. What is wrong is told by the analysis that follows. */
async function askThresholds(): Promise<void> {
  const models = await api.models().catch(() => []);
  for (const model of models.filter(({ task }) => task === "detect")) {
    for (const preset of model.presets) thresholds.set(preset, model.threshold);
  }
}

const EXPORTS: Record<string, [string, string, (state: State) => string]> = {
  "export-json": ["-reviewed.json", "application/json", reviewJson],
  "export-csv": ["-reviewed.csv", "text/csv", reviewCsv],
  "export-coco": ["-coco.json", "application/json", reviewCoco],
  "export-vectors-json": ["-vectors.json", "application/json", vectorsJson],
  "export-vectors-csv": ["-vectors.csv", "text/csv", vectorsCsv],
};
for (const [id, [suffix, type, text]] of Object.entries(EXPORTS)) {
  byId(id, HTMLButtonElement).addEventListener("click", () => {
    download(safeName(state.file?.name ?? "", suffix), text(state), type);
  });
}
for (const id of ["help", "export"]) {
  byId(`${id}-open`, HTMLButtonElement).addEventListener("click", () => byId(id, HTMLDialogElement).showModal());
}
for (const closer of document.querySelectorAll<HTMLButtonElement>("dialog [data-close]")) {
  closer.addEventListener("click", () => closer.closest("dialog")?.close());
}
state.on(["document", "results", "progress"], () => {
  byId("export-open", HTMLButtonElement).disabled = state.pages.size === 0;
});

function show(found: Found | null): void {
  if (found) viewer.focusBox(found);
}

const KEYS: Record<string, () => void> = {
  a: () => show(review.decide("accepted")),
  r: () => show(review.decide("rejected")),
  e: () => state.selected && redraw.start(state.selected),
  c: () => state.selected && comparison.open(state.selected),
  n: () => show(review.go(1)),
  p: () => show(review.go(-1)),
  u: () => review.step("undo"),
  y: () => review.step("redo"),
  PageDown: () => strip.turn(1),
  PageUp: () => strip.turn(-1),
  s: () => tabs.show("stamps"),
  m: () => tabs.show("alike"),
  Escape: () => state.select(null),
};

void askThresholds();

document.addEventListener("keydown", (event) => {
  const target = event.target as Element;
  if (document.querySelector("dialog[open]")) return;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && ["z", "y"].includes(event.key.toLowerCase())) {
    if (target.matches("input:not([type=range]), textarea")) return;
    event.preventDefault();
    review.step(event.key.toLowerCase() === "y" || event.shiftKey ? "redo" : "undo");
    return;
  }
  if (event.ctrlKey || event.metaKey || target.matches("input, select, textarea")) return;
  if (event.key === "?") byId("help", HTMLDialogElement).showModal();
  else if (event.key === "o") upload.choose();
  else if (state.file === null) return;
  else if (redraw.isActive) {
    if (!redraw.key(event)) return;
  } else if (KEYS[event.key] && !event.altKey) KEYS[event.key]?.();
  else if (isOfTheStage(target, event.key)) {
    if (!viewer.key(event)) return;
  } else return;
  event.preventDefault();
});

/** Arrows scroll what else has the focus; + - 0 are the page's wherever it is. */
function isOfTheStage(target: Element, key: string): boolean {
  return !key.startsWith("Arrow") || viewer.stage.contains(target) || target === document.body;
}
