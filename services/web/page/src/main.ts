// Puts the parts together: what is opened is analysed, and shown as it comes.

import { Api, Failed } from "./api.ts";
import { ask } from "./ask.ts";
import { Cards } from "./cards.ts";
import { CompareDialog } from "./compare.ts";
import { announce, byId, counted, download, safeName } from "./dom.ts";
import { reviewCoco, reviewCsv, reviewJson, vectorsCsv, vectorsJson } from "./exports.ts";
import { FilterBar } from "./filters.ts";
import { listenToKeys } from "./keys.ts";
import { Matrix } from "./matrix.ts";
import { Pictures } from "./pictures.ts";
import { Preview } from "./preview.ts";
import { ProblemPanel, asksForPassword, mayRetry } from "./problems.ts";
import { Progress } from "./progress.ts";
import { Redraw } from "./redraw.ts";
import { Review } from "./review.ts";
import { State } from "./state.ts";
import { Strip } from "./strip.ts";
import { Strips } from "./strips.ts";
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
const preview = new Preview(api, state, (problem) => problems.show(problem, false));
const viewer = new Viewer(state, pictures, preview);
const strip = new Strip(state, pictures);
const redraw = new Redraw(state, viewer);
const review = new Review(state);
const strips = new Strips(api, state, LOWEST_SCORE);
const comparison = new CompareDialog(state, api);
const tabs = new Tabs();
const cards = new Cards(state, {
  compare: (found) => comparison.open(found),
  redraw: (found) => redraw.start(found),
  strips: (found) => strips.of(found),
  reveal: (found) => {
    if (matchMedia("(max-width: 60rem)").matches) viewer.stage.scrollIntoView({ block: "nearest" });
    cards.focus(found);
  },
});
new FilterBar(state);
new Matrix(state, (a, b) => comparison.open(a, b));
const upload = new Upload(
  (file, options) => void open(file, options),
  (options) => {
    if (state.file) void open(state.file, options);
  },
);
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
  upload.hide();
  viewer.stage.focus({ preventScroll: true });
  byId("document-name", HTMLElement).textContent = file.name;
  document.title = `${file.name} – Stamp2vec`;
  let isGuessed = !thresholds.has(options.preset);
  state.open(file, options, thresholds.get(options.preset) ?? USUAL_THRESHOLD);
  announce(`${file.name} is being analysed.`);
  const drawing = pictures.open(file).then(() => {
    if (signal.aborted) return;
    pictures.wantFirst(1);
    state.changed("pictures", "progress");
  });
  try {
    const included = { masks: true, crops: true, text: options.reads };
    for await (const line of api.analyze(file, options, LOWEST_SCORE, included, signal)) {
      if (isGuessed) {
        if (thresholds.size === 0) await askModels(); // they could not be had before
        state.setFilters({ threshold: thresholds.get(options.preset) ?? USUAL_THRESHOLD });
        isGuessed = false;
      }
      if (line.type === "page") {
        state.addPage(line);
        if (state.pages.size === 2) pictures.wantFirst(); // those of the strip
      } else if (line.type === "document") state.rest = line;
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
  problems.show(problem, mayRetry(problem));
}

/** The scores that stamps have at least, by preset, and whether stamps can be read. What is wrong is told by the analysis that follows. */
async function askModels(): Promise<void> {
  const models = await api.models().catch(() => []);
  byId("reads-option", HTMLElement).hidden = !models.some(({ task }) => task === "read"); // where a reader is deployed
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
byId("open", HTMLButtonElement).addEventListener("click", () => upload.show());
for (const id of ["help", "export"]) {
  byId(`${id}-open`, HTMLButtonElement).addEventListener("click", () => byId(id, HTMLDialogElement).showModal());
}
for (const closer of document.querySelectorAll<HTMLButtonElement>("dialog [data-close]")) {
  closer.addEventListener("click", () => closer.closest("dialog")?.close());
}
state.on(["document", "results", "progress"], () => {
  byId("export-open", HTMLButtonElement).disabled = state.pages.size === 0;
});

void askModels();
listenToKeys({ state, viewer, preview, strip, redraw, review, comparison, tabs, upload });
