// src/api.ts
var Failed = class extends Error {
  constructor(problem) {
    super(problem.detail);
    this.problem = problem;
  }
  problem;
};
var Api = class {
  constructor(askToken) {
    this.askToken = askToken;
  }
  askToken;
  #token = null;
  // in memory only: it is gone with the page
  #asking = null;
  async models() {
    const response = await this.#call("v1/models", {});
    return (await response.json()).models;
  }
  /** The lines of a document, as they come; each stamp with what is included. */
  async *analyze(file, options, minScore, included, signal) {
    const form = documentForm(file, options);
    form.set("preset", options.preset);
    form.set("min_score", String(minScore));
    for (const [name, isIncluded] of Object.entries(included)) form.set(`include_${name}`, String(isIncluded));
    let isOver = false;
    for await (const line of this.#lines("v1/analyze", form, signal)) {
      isOver = line.type === "document" || line.type === "problem";
      yield line;
    }
    if (!isOver) throw new Failed(CUT);
  }
  /** Pictures of these pages, which are named as in the options, each at most so large. */
  pages(file, options, pages, maxSide, signal) {
    const form = documentForm(file, { ...options, pages });
    form.set("max_side", String(maxSide));
    return this.#lines("v1/pages", form, signal);
  }
  async compare(a, b, preset, signal) {
    const form = new FormData();
    form.set("a", a, "a.png");
    form.set("b", b, "b.png");
    form.set("preset", preset);
    form.set("include_overlay", "true");
    const response = await this.#call("v1/compare", { method: "POST", body: form, signal });
    return await response.json();
  }
  async *#lines(path, form, signal) {
    const headers = { accept: "application/x-ndjson" };
    const response = await this.#call(path, { method: "POST", body: form, headers, signal });
    if (response.body === null) throw new Failed(CUT);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parts = [];
    try {
      while (true) {
        const { done, value } = await reader.read();
        if (done) return;
        const pieces = value.split("\n");
        parts.push(pieces[0] ?? "");
        for (const piece of pieces.slice(1)) {
          yield JSON.parse(parts.join(""));
          parts.length = 0;
          parts.push(piece);
        }
      }
    } catch (error) {
      throw signal.aborted || error instanceof Failed ? error : new Failed(CUT);
    } finally {
      void reader.cancel().catch(() => void 0);
    }
  }
  /** Asks once where several calls find out at the same time that they need one. */
  async #ask() {
    this.#asking ??= this.askToken().finally(() => this.#asking = null);
    this.#token = await this.#asking;
  }
  /** Raises Failed, or the signal's reason. */
  async #call(path, init) {
    while (true) {
      const headers = new Headers(init.headers);
      if (this.#token !== null) headers.set("authorization", `Bearer ${this.#token}`);
      let response;
      try {
        response = await fetch(path, { ...init, headers, credentials: "same-origin", cache: "no-store" });
      } catch (error) {
        if (init.signal?.aborted) throw error;
        throw new Failed(navigator.onLine ? UNREACHABLE : OFFLINE);
      }
      if (response.ok) return response;
      if (response.status === 401) {
        const used = headers.get("authorization");
        if (this.#token === null || used === `Bearer ${this.#token}`) await this.#ask();
        if (this.#token !== null) continue;
      }
      throw new Failed(await problemOf(response));
    }
  }
};
function documentForm(file, options) {
  const form = new FormData();
  form.set("file", file, file.name);
  if (options.pages) form.set("pages", options.pages);
  if (options.password) form.set("password", options.password);
  return form;
}
async function problemOf(response) {
  if (response.headers.get("content-type")?.startsWith("application/problem+json")) {
    return await response.json();
  }
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  return own(
    `The server answered with status ${response.status}`,
    "Something before the service refused the request, such as a proxy. Ask whoever runs it, or try again later.",
    response.status,
    Number.isFinite(seconds) ? seconds : null
  );
}
function own(title2, detail, status2 = 0, retryAfterS = null) {
  return { title: title2, detail, status: status2, request_id: "", violations: [], retry_after_s: retryAfterS };
}
var OFFLINE = own("You are offline", "This computer has no network connection. Connect it, then try again.");
var UNREACHABLE = own(
  "The service does not answer",
  "It may have stopped, the document may be larger than it takes or have been moved, or the connection was lost. Try again."
);
var CUT = own(
  "The answer was cut short",
  "The connection was lost before the document was done. What had come by then is shown; try again for the rest."
);

// src/dom.ts
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}
function button(label, attributes, onClick) {
  const made = element("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", onClick);
  return made;
}
function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`#${id} is no ${kind.name}`);
  return found;
}
function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
}
function pngUrl(base64) {
  return `data:image/png;base64,${base64}`;
}
function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = element("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 6e4);
}
function safeName(name, suffix) {
  const stem = name.replace(/\.[^.]*$/, "").normalize("NFC").replace(/[^\p{L}\p{N}_ -]+/gu, "-").replace(/^[-\s]+|[-\s]+$/g, "").slice(0, 80);
  return `${stem || "document"}${suffix}`;
}
var status = () => byId("status", HTMLElement);
function announce(text) {
  status().textContent = text;
}
function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

// src/ask.ts
function ask(question) {
  const dialog = byId("ask", HTMLDialogElement);
  const input = byId("ask-input", HTMLInputElement);
  byId("ask-title", HTMLElement).textContent = question.title;
  byId("ask-text", HTMLElement).textContent = question.text;
  byId("ask-label", HTMLElement).textContent = question.label;
  input.value = "";
  dialog.returnValue = "";
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        resolve(dialog.returnValue === "ok" && input.value !== "" ? input.value : null);
        input.value = "";
      },
      { once: true }
    );
    dialog.showModal();
    input.focus();
  });
}

// src/dies.ts
var COLOURS = 8;
function dieClass(die) {
  return `die-${(die - 1) % COLOURS + 1}`;
}
function letterOf(die) {
  const rest = Math.floor((die - 1) / 26);
  return (rest > 0 ? letterOf(rest) : "") + String.fromCharCode(65 + (die - 1) % 26);
}

// src/exports.ts
function embedder(state2) {
  return state2.rest?.models[1] ?? null;
}
function record(state2, found) {
  const { stamp } = found;
  const { verdict, box } = state2.decision(found);
  const die = state2.dieOf(found);
  return {
    stamp: state2.name(found),
    page: found.page + 1,
    review: verdict,
    box: [...box ?? stamp.box],
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
    text: stamp.text?.lines.map(({ text }) => text).filter(Boolean) ?? null
  };
}
function pagesOf(state2) {
  return [...state2.pages.values()].sort((a, b) => a.page - b.page);
}
function reviewJson(state2) {
  const { file, options, rest, filters } = state2;
  const document2 = {
    file: file?.name ?? "",
    preset: options.preset,
    models: rest?.models ?? [],
    threshold: filters.threshold,
    pages: pagesOf(state2).map(({ page, label, width, height, resolution, error }) => ({
      page: page + 1,
      label,
      width,
      height,
      resolution,
      error: error?.detail ?? null
    })),
    stamps: state2.visible.map((found) => record(state2, found))
  };
  return `${JSON.stringify(document2, null, 2)}
`;
}
function reviewCsv(state2) {
  const rows = state2.visible.map((found) => {
    const { box, detected_box, text, ...rest } = record(state2, found);
    const [x1, y1, x2, y2] = box;
    return { file: state2.file?.name ?? "", ...rest, x1, y1, x2, y2, detected_box: detected_box.join(" "), text: text?.join(" / ") ?? "" };
  });
  const columns = Object.keys(rows[0] ?? { file: "" });
  return csv([columns, ...rows.map((row) => Object.values(row))]);
}
function reviewCoco(state2) {
  const kept = state2.visible.filter((found) => state2.decision(found).verdict !== "rejected");
  const types = [...new Set(kept.map((found) => found.stamp.type))].sort();
  const dataset = {
    info: { description: `Stamps of ${state2.file?.name ?? ""}`, version: "1.0" },
    images: pagesOf(state2).filter((row) => row.error === null).map((row) => ({
      id: row.page + 1,
      file_name: state2.file?.name ?? "",
      page: row.page + 1,
      width: row.width,
      height: row.height
    })),
    categories: types.map((name, i) => ({ id: i + 1, name, supercategory: "stamp" })),
    annotations: kept.map((found, i) => {
      const [x1, y1, x2, y2] = state2.boxOf(found);
      const [width, height] = [x2 - x1, y2 - y1];
      return {
        id: i + 1,
        image_id: found.page + 1,
        category_id: types.indexOf(found.stamp.type) + 1,
        bbox: [x1, y1, width, height],
        area: width * height,
        iscrowd: 0,
        score: found.stamp.score,
        attributes: { stamp: state2.name(found), review: state2.decision(found).verdict }
      };
    })
  };
  return `${JSON.stringify(dataset, null, 2)}
`;
}
function vectorJson(state2, found) {
  const { page, box, score, stamp } = record(state2, found);
  return `${JSON.stringify({ stamp, page, box, score, model: embedder(state2), vector: found.stamp.vector ?? null })}
`;
}
function vectorsJson(state2) {
  return `[
${state2.visible.map((found) => vectorJson(state2, found).trimEnd()).join(",\n")}
]
`;
}
function vectorsCsv(state2) {
  const found = state2.visible.filter((each) => each.stamp.vector);
  const size = found[0]?.stamp.vector?.length ?? 0;
  const names = Array.from({ length: size }, (_, i) => `v${i}`);
  const model = embedder(state2) ?? "";
  const rows = found.map((each) => [state2.name(each), each.page + 1, model, ...each.stamp.vector ?? []]);
  return csv([["stamp", "page", "model", ...names], ...rows]);
}
function csv(rows) {
  const cell = (value) => {
    const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r
`).join("");
}

// src/plot.ts
var SVG = "http://www.w3.org/2000/svg";
var HEIGHT = 48;
function plot(vector) {
  const most = Math.max(...vector.map(Math.abs), 1e-9);
  const bars = vector.map((value, i) => `M${i + 0.5} ${HEIGHT / 2}v${-value / most * HEIGHT / 2}`);
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", `0 0 ${vector.length} ${HEIGHT}`);
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("class", "plot");
  drawing.setAttribute("role", "img");
  const range = `${Math.min(...vector).toFixed(3)} to ${Math.max(...vector).toFixed(3)}`;
  drawing.setAttribute("aria-label", `Bar plot of ${vector.length} numbers from ${range}`);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", bars.join(""));
  drawing.append(path);
  return drawing;
}

// src/cards.ts
var MOST_NAMED = 4;
var Cards = class {
  constructor(state2, actions) {
    this.state = state2;
    this.actions = actions;
    state2.on(["document"], () => this.#cards.clear());
    state2.on(["document", "page", "results", "filters", "review", "selection", "progress"], () => this.#update());
    state2.on(["selection"], () => this.#scroll());
  }
  state;
  actions;
  #list = byId("cards", HTMLUListElement);
  #cards = /* @__PURE__ */ new Map();
  focus(found) {
    this.#cards.get(found.index)?.querySelector(".card-name")?.focus();
  }
  #update() {
    const { page, pages, isRunning } = this.state;
    const row = pages.get(page);
    const found = this.state.onPage(page);
    const entries = found.map((each) => this.#updated(each));
    if (entries.length !== this.#list.children.length || entries.some((each, i) => this.#list.children[i] !== each)) {
      this.#list.replaceChildren(...entries);
    }
    const title2 = this.state.isOnePage ? "" : `Page ${page + 1}: `;
    byId("cards-title", HTMLElement).textContent = `${title2}${row ? counted(found.length, "stamp") : isRunning ? "not analysed yet" : "not analysed"}`;
    const note = byId("cards-note", HTMLElement);
    const hidden = this.state.stamps.filter((each) => each.page === page).length - found.length;
    note.textContent = !row || row.error || found.length > 0 ? "" : hidden > 0 ? `No stamp passes the filters; ${counted(hidden, "candidate")} of this page ${hidden === 1 ? "does" : "do"} not.` : "There is no stamp on this page.";
    const warnings = [...this.state.rest?.warnings ?? [], ...row?.warnings ?? []];
    byId("warnings", HTMLElement).replaceChildren(...warnings.map((text) => element("li", {}, text)));
  }
  #updated(found) {
    const card = this.#cards.get(found.index) ?? this.#newCard(found);
    const { verdict, box } = this.state.decision(found);
    const die = this.state.dieOf(found);
    const members = this.state.sharedDies.get(die);
    card.className = `card ${verdict} ${members ? dieClass(die) : ""}`;
    card.classList.toggle("selected", this.state.selected === found);
    const name = card.querySelector(".card-name");
    if (name) {
      name.textContent = `Stamp ${this.state.name(found)}`;
      name.setAttribute("aria-pressed", String(this.state.selected === found));
    }
    const others = members?.filter((each) => each !== found).map((each) => this.state.name(each));
    const more = others && others.length > MOST_NAMED ? ` and ${others.length - MOST_NAMED} more` : "";
    const named = others?.slice(0, MOST_NAMED).join(", ");
    const dieText = others ? `${letterOf(die)}, as ${named}${more}` : die ? "no other has it" : this.state.rest ? "unknown" : "";
    const dieCell = card.querySelector(".die-value");
    if (dieCell?.parentElement) {
      dieCell.textContent = dieText;
      dieCell.parentElement.hidden = dieText === "";
    }
    for (const word of ["accepted", "rejected"]) {
      card.querySelector(`[data-verdict=${word}]`)?.setAttribute("aria-pressed", String(verdict === word));
    }
    const state2 = card.querySelector(".card-state");
    const words = [verdict === "open" ? "" : verdict, box ? "box redrawn" : ""];
    if (state2) state2.textContent = words.filter(Boolean).join(", ");
    return card;
  }
  #newCard(found) {
    const { stamp } = found;
    const name = button("", { class: "card-name" }, () => {
      this.state.select(found);
      this.actions.reveal(found);
    });
    const picture = (base64, what) => base64 === void 0 ? element("figure", { class: "none" }, element("figcaption", {}, `no ${what}`)) : element(
      "figure",
      {},
      element("span", { class: "frame" }, element("img", { src: pngUrl(base64), alt: "" })),
      element("figcaption", {}, what)
    );
    const mask = picture(stamp.mask_png, "ink");
    mask.classList.add("ink");
    const card = element(
      "li",
      { class: "card", "data-stamp": found.index },
      element("h3", {}, name, element("span", { class: "card-state" })),
      element("div", { class: "card-pictures" }, picture(stamp.crop_png, "page"), mask),
      facts(found),
      element(
        "div",
        { class: "card-actions" },
        this.#verdictButton(found, "Accept", "accepted"),
        this.#verdictButton(found, "Reject", "rejected"),
        button("Redraw box", {}, () => this.actions.redraw(found)),
        button("Compare …", {}, () => this.actions.compare(found))
      )
    );
    if (stamp.text) card.append(texts(stamp.text));
    card.append(strips(found, this.actions.strips));
    if (stamp.vector) card.append(this.#vector(found, stamp.vector));
    card.addEventListener("click", (event) => {
      if (!event.target.closest("button, summary, a")) name.click();
    });
    this.#cards.set(found.index, card);
    return card;
  }
  #verdictButton(found, label, verdict) {
    return button(label, { "data-verdict": verdict, "aria-pressed": "false" }, () => {
      const isTaken = this.state.decision(found).verdict === verdict;
      this.state.decide(found, { verdict: isTaken ? "open" : verdict });
    });
  }
  #vector(found, vector) {
    const summary = element("summary", {}, `Vector of ${vector.length} numbers`);
    const made = element("details", {}, summary);
    made.addEventListener("toggle", () => {
      if (!made.open || made.childElementCount > 1) return;
      const name = safeName(this.state.file?.name ?? "", `-stamp-${this.state.name(found)}-vector.json`);
      const save = () => download(name, vectorJson(this.state, found), "application/json");
      made.append(plot(vector), button("Download as JSON", {}, save));
    });
    return made;
  }
  #scroll() {
    const { selected } = this.state;
    if (selected) this.#cards.get(selected.index)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
};
function texts({ lines, dates, numbers, warnings }) {
  const sure = (confidence) => element("span", { class: "fine" }, ` ${Math.round(confidence * 100)} %`);
  const read = lines.filter(({ text }) => text !== "");
  const items = read.map(
    ({ text, confidence, doubtful }) => element("li", { class: doubtful ? "doubtful" : null }, element("span", { dir: "auto" }, text), sure(confidence))
  );
  const found = [
    ...dates.filter(({ doubtful }) => !doubtful).map(({ iso, text }) => `Date ${iso || text}`),
    ...numbers.filter(({ doubtful }) => !doubtful).map(({ digits }) => `Number ${digits}`)
  ];
  const notes = [...found, ...warnings].map((text) => element("p", { class: "fine" }, text));
  const none = items.length === 0 ? [element("p", { class: "fine" }, "No text could be read.")] : [];
  return element("div", { class: "texts", role: "group", "aria-label": "Text" }, element("ul", {}, ...items), ...none, ...notes);
}
function strips(found, ask2) {
  const made = element("details", {}, element("summary", {}, "Straightened text"));
  const words = (strip2) => strip2.ring ? `Ring of text, read ${strip2.ring.reading}` : "Lines of text";
  const note = element("p", { class: "fine", role: "status" });
  const show = async () => {
    if (!made.open || made.querySelector("img")) return;
    note.textContent = "Straightening …";
    made.append(note);
    try {
      const all = await ask2(found);
      const pictures2 = all.map((strip2) => element("img", { src: pngUrl(strip2.pixels_png), alt: words(strip2), title: words(strip2) }));
      note.textContent = all.length > 0 ? "" : "There is too little ink to find lines of text.";
      if (all.length > 0) {
        made.append(element("div", { class: "strips", tabindex: 0, role: "group", "aria-label": "Straightened text" }, ...pictures2));
      }
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      note.textContent = error.problem.detail;
    }
  };
  made.addEventListener("toggle", () => void show());
  return made;
}
function facts(found) {
  const { stamp } = found;
  const [x1, y1, x2, y2] = stamp.box;
  const size = stamp.width_mm !== null && stamp.height_mm !== null ? `${stamp.width_mm.toFixed(0)} × ${stamp.height_mm.toFixed(0)} mm` : `${Math.round(x2 - x1)} × ${Math.round(y2 - y1)} px`;
  const ink = stamp.ink_colour ?? "unknown";
  const rows = [
    ["Score", stamp.score.toFixed(2), ""],
    ["Type", stamp.type, ""],
    ["Ink", ink, `swatch ink-${ink}`],
    ["Rotation", `${Math.round(stamp.angle_degrees)}°`.replace("-", "−"), ""],
    ["Size", size, ""],
    ["Die", "", "die-value"]
  ];
  if (stamp.source !== "page") rows.push(["Shown by", stamp.source === "annotation" ? "an annotation, no ink" : "a signature field, no ink", ""]);
  const list = element("dl", { class: "facts" });
  for (const [term, value, kind] of rows) {
    list.append(element("div", {}, element("dt", {}, term), element("dd", { class: kind || null }, value)));
  }
  return list;
}

// src/overlay.ts
var BOTH = [55, 60, 70];
var ONLY_A = [0, 98, 214];
var ONLY_B = [214, 88, 0];
var AGREES = [120, 215, 150];
var CONTRADICTS = [255, 96, 96];
async function planesOf(overlay) {
  const [a, b, agrees, contradicts] = await Promise.all(
    [overlay.a_ink_png, overlay.b_ink_png, overlay.agrees_png, overlay.contradicts_png].map(plane)
  );
  if (!a || !b || !agrees || !contradicts) throw new Error("a plane is missing");
  return { a, b, agrees, contradicts };
}
function draw(canvas, planes, drawing) {
  const { size } = planes.a;
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return;
  const image = context.createImageData(size, size);
  const step = size / planes.agrees.size;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const i = row * size + column;
      const a = (planes.a.values[i] ?? 0) / 255;
      const b = (planes.b.values[i] ?? 0) / 255;
      const colour = [255, 255, 255];
      if (drawing === "differences") {
        const place = Math.floor(row / step) * planes.agrees.size + Math.floor(column / step);
        blend(colour, AGREES, (planes.agrees.values[place] ?? 0) / 255 * 0.75);
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
function blend(colour, [red, green, blue], share) {
  colour[0] = (colour[0] ?? 0) * (1 - share) + red * share;
  colour[1] = (colour[1] ?? 0) * (1 - share) + green * share;
  colour[2] = (colour[2] ?? 0) * (1 - share) + blue * share;
}
async function plane(base64) {
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

// src/compare.ts
var BLINK_MS = 700;
var CompareDialog = class {
  constructor(state2, api2) {
    this.state = state2;
    this.api = api2;
    for (const select of this.#selects) select.addEventListener("change", () => void this.#compare());
    for (const mode of this.#modes) mode.addEventListener("change", () => this.#show());
    this.#flip.addEventListener("click", () => this.#blink());
    this.#dialog.addEventListener("close", () => this.#stop());
  }
  state;
  api;
  #dialog = byId("compare", HTMLDialogElement);
  #selects = [byId("compare-a", HTMLSelectElement), byId("compare-b", HTMLSelectElement)];
  #pictures = [byId("compare-picture-a", HTMLImageElement), byId("compare-picture-b", HTMLImageElement)];
  #canvas = byId("compare-canvas", HTMLCanvasElement);
  #flip = byId("compare-flip", HTMLButtonElement);
  #modes = [...this.#dialog.querySelectorAll("input[name=mode]")];
  #calling = new AbortController();
  #planes = null;
  #blinking;
  #blinksB = false;
  /** Opens on two stamps; on one, with the one that is most like it. */
  open(a, b = null) {
    const other = b ?? this.#nearest(a);
    if (!other) {
      announce("There is no other stamp to compare it with.");
      return;
    }
    for (const [select, chosen] of [[this.#selects[0], a], [this.#selects[1], other]]) {
      const options = this.state.visible.map(
        (found) => element("option", { value: found.index }, `Stamp ${this.state.name(found)}, ${found.stamp.type}`)
      );
      select.replaceChildren(...options);
      select.value = String(chosen.index);
    }
    this.#dialog.showModal();
    void this.#compare();
  }
  #nearest(a) {
    const alike = this.state.rest?.probability?.[a.index] ?? this.state.rest?.similarity[a.index] ?? [];
    const others = this.state.visible.filter((found) => found !== a);
    const order = (found) => alike[found.index] ?? 0;
    return others.sort((b, c) => order(c) - order(b))[0] ?? null;
  }
  async #compare() {
    this.#stop();
    const [a, b] = this.#selects.map((select) => this.state.stamps[Number(select.value)]);
    if (!a?.stamp.crop_png || !b?.stamp.crop_png) return;
    for (const [picture, found] of [[this.#pictures[0], a], [this.#pictures[1], b]]) {
      picture.src = pngUrl(found.stamp.crop_png ?? "");
      picture.alt = `Stamp ${this.state.name(found)}`;
    }
    this.#tell("Comparing …", "", "");
    this.#show();
    const { signal } = this.#calling;
    try {
      const found = await this.api.compare(png(a.stamp.crop_png), png(b.stamp.crop_png), this.state.options.preset, signal);
      const planes = found.overlay && await planesOf(found.overlay);
      if (signal.aborted) return;
      this.#planes = planes;
      this.#tell(...sentences(found, this.state.name(a), this.state.name(b)));
      this.#tellNumbers(found);
      this.#show();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Failed)) throw error;
      this.#tell(error.problem.title, error.problem.detail, "cannot-tell");
    }
  }
  #tell(verdict, reason, kind) {
    const target = byId("compare-verdict", HTMLElement);
    target.textContent = verdict;
    target.className = `verdict ${kind}`;
    byId("compare-reason", HTMLElement).textContent = reason;
    byId("compare-numbers", HTMLElement).replaceChildren();
  }
  #tellNumbers(found) {
    const percent = (share) => `${Math.round(share * 100)} %`;
    const rows = [["Similarity of the vectors", `${found.similarity.toFixed(3)} (${found.model})`]];
    if (found.probability !== null) {
      rows.unshift(["Probability of one die", `${found.probability.toFixed(3)}, at a prior of ${percent(found.prior)}`]);
    }
    if (found.missing_ink !== null) rows.push(["Ink of the first that the second lacks", percent(found.missing_ink)]);
    if (found.added_ink !== null) rows.push(["Ink of the second that the first lacks", percent(found.added_ink)]);
    if (found.mirrored) rows.push(["The second", "was turned over to fit"]);
    byId("compare-numbers", HTMLElement).replaceChildren(
      ...rows.map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value)))
    );
  }
  #show() {
    const mode = this.#modes.find((each) => each.checked)?.value ?? "beside";
    const planes = this.#planes;
    for (const each of this.#modes) each.disabled = !planes && each.value !== "beside" && !each.checked;
    byId("compare-beside", HTMLElement).hidden = mode !== "beside";
    byId("compare-over", HTMLElement).hidden = mode === "beside";
    byId("compare-wait", HTMLElement).hidden = planes !== null;
    for (const legend of this.#dialog.querySelectorAll("[data-legend]")) {
      legend.hidden = !(legend.dataset["legend"] ?? "").split(" ").includes(mode);
    }
    this.#canvas.hidden = !planes;
    this.#flip.hidden = mode !== "blink";
    clearInterval(this.#blinking);
    if (!planes || mode === "beside") return;
    if (mode === "blink") {
      this.#blinksB = true;
      this.#blink();
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.#blinking = setInterval(() => this.#blink(), BLINK_MS);
      return;
    }
    this.#draw(mode, mode === "overlaid" ? "Both stamps over each other" : "Where both agree and where they contradict each other");
  }
  #blink() {
    this.#blinksB = !this.#blinksB;
    this.#draw(this.#blinksB ? "b" : "a", "The two stamps in turns");
    this.#flip.textContent = this.#blinksB ? "Second stamp shown" : "First stamp shown";
  }
  #draw(drawing, label) {
    if (!this.#planes) return;
    draw(this.#canvas, this.#planes, drawing);
    this.#canvas.setAttribute("aria-label", label);
    this.#canvas.dataset["drawing"] = drawing;
  }
  #stop() {
    clearInterval(this.#blinking);
    this.#calling.abort();
    this.#calling = new AbortController();
    this.#planes = null;
  }
};
function sentences(found, a, b) {
  const both = `Stamps ${a} and ${b}`;
  switch (found.verdict) {
    case "same":
      return [`${both} are of one die`, "Enough of their ink is legible, and no place contradicts it.", "same"];
    case "different":
      return [`${both} are of two dies`, "Some places show what one die cannot have made.", "different"];
    case "same layout":
      return [`${both} are of one layout`, `Whether of one die is open, because ${found.reason}.`, "cannot-tell"];
    case "mirrored":
      return [`${both} are mirror images`, `${found.reason}.`, "cannot-tell"];
    case "cannot tell":
      return ["It cannot be determined whether one die made both", `Because ${found.reason}.`, "cannot-tell"];
  }
}
function png(base64) {
  return new Blob([bytesOf(base64)], { type: "image/png" });
}

// src/history.ts
var History = class {
  #done = [];
  #undone = [];
  push(step) {
    this.#done.push(step);
    this.#undone.length = 0;
  }
  /** The step to take back. */
  undo() {
    const step = this.#done.pop();
    if (step) this.#undone.push(step);
    return step;
  }
  /** The step to take again. */
  redo() {
    const step = this.#undone.pop();
    if (step) this.#done.push(step);
    return step;
  }
  get canUndo() {
    return this.#done.length > 0;
  }
  get canRedo() {
    return this.#undone.length > 0;
  }
};

// src/state.ts
var OPEN = { verdict: "open", box: null };
var ALL = "";
var State = class {
  file = null;
  options = { preset: "fast", pages: "", password: "", reads: false };
  isRunning = false;
  /** Of the file; null until it is known. */
  pageCount = null;
  pages = /* @__PURE__ */ new Map();
  stamps = [];
  rest = null;
  page = 0;
  selected = null;
  filters = { threshold: 0.5, type: ALL, ink: ALL, die: ALL };
  history = new History();
  #decisions = /* @__PURE__ */ new Map();
  #listeners = /* @__PURE__ */ new Map();
  #waiting = /* @__PURE__ */ new Set();
  /** Calls `listener` after each change of these topics. */
  on(topics, listener) {
    for (const topic of topics) {
      const known = this.#listeners.get(topic) ?? /* @__PURE__ */ new Set();
      this.#listeners.set(topic, known.add(listener));
    }
  }
  changed(...topics) {
    const listeners = new Set(topics.flatMap((topic) => [...this.#listeners.get(topic) ?? []]));
    for (const listener of listeners) listener();
  }
  /** The same before the next frame, once for all that comes by then: pages of long documents come faster. */
  changedSoon(...topics) {
    if (this.#waiting.size === 0) {
      requestAnimationFrame(() => {
        const all = [...this.#waiting];
        this.#waiting.clear();
        this.changed(...all);
      });
    }
    for (const topic of topics) this.#waiting.add(topic);
  }
  /** Forgets the document before; thresholds and filters start anew. */
  open(file, options, threshold) {
    this.file = file;
    this.options = options;
    this.isRunning = true;
    this.rest = this.selected = this.pageCount = null;
    this.pages.clear();
    this.stamps.length = 0;
    this.page = 0;
    this.filters = { threshold, type: ALL, ink: ALL, die: ALL };
    this.history = new History();
    this.#decisions.clear();
    this.changed("document", "results", "page", "selection", "filters", "review", "progress");
  }
  addPage(row) {
    const isFirst = this.pages.size === 0;
    this.pages.set(row.page, row);
    for (const [position, stamp] of row.stamps.entries()) {
      const label = `${row.page + 1}.${position + 1}`;
      this.stamps.push({ index: this.stamps.length, page: row.page, label, stamp });
    }
    if (isFirst) this.page = row.page;
    this.changedSoon("results", ...isFirst ? ["page"] : []);
  }
  /** Where there is one page, its number says nothing. */
  name(found) {
    return this.isOnePage ? found.label.replace(/^.*\./, "") : found.label;
  }
  get isOnePage() {
    return this.pageCount === 1;
  }
  /** The stamps that the threshold and the filters leave, through the pages in order. */
  get visible() {
    return this.stamps.filter((found) => this.isVisible(found));
  }
  onPage(page) {
    return this.visible.filter((found) => found.page === page);
  }
  isVisible(found) {
    const { threshold, type, ink, die } = this.filters;
    return found.stamp.score >= threshold && (type === ALL || found.stamp.type === type) && (ink === ALL || (found.stamp.ink_colour ?? "unknown") === ink) && (die === ALL || String(this.dieOf(found)) === die);
  }
  /** Numbers the dies from 1; 0 where the die is not known, or not yet. */
  dieOf(found) {
    return this.rest?.die_groups[found.index] ?? 0;
  }
  /** Dies that more than one stamp has. */
  get sharedDies() {
    const dies = /* @__PURE__ */ new Map();
    for (const found of this.stamps) {
      const die = this.dieOf(found);
      if (die) dies.set(die, [...dies.get(die) ?? [], found]);
    }
    return new Map([...dies].filter(([, members]) => members.length > 1));
  }
  setFilters(filters) {
    this.filters = { ...this.filters, ...filters };
    if (this.selected && !this.isVisible(this.selected)) this.select(null);
    this.changed("filters");
  }
  show(page) {
    if (page === this.page) return;
    this.page = page;
    if (this.selected?.page !== page) this.selected = null;
    this.changed("page", "selection");
  }
  select(found) {
    this.selected = found;
    const turns = found !== null && found.page !== this.page;
    if (turns) this.page = found.page;
    this.changed("selection", ...turns ? ["page"] : []);
  }
  decision(found) {
    return this.#decisions.get(found.index) ?? OPEN;
  }
  boxOf(found) {
    return this.decision(found).box ?? found.stamp.box;
  }
  /** Records what the person says, so that it can be taken back. */
  decide(found, change) {
    const before = this.decision(found);
    const after = { ...before, ...change };
    if (before.verdict === after.verdict && String(before.box) === String(after.box)) return;
    this.history.push({ key: found.index, before, after });
    this.#decisions.set(found.index, after);
    this.changed("review");
  }
  /** Takes a step back, or again; the stamp that it was about. */
  step(direction) {
    const step = this.history[direction]();
    const found = step && this.stamps[step.key];
    if (!step || !found) return null;
    this.#decisions.set(step.key, direction === "undo" ? step.before : step.after);
    this.changed("review");
    if (this.isVisible(found)) this.select(found);
    return found;
  }
};

// src/filters.ts
var FilterBar = class {
  constructor(state2) {
    this.state = state2;
    this.#threshold.addEventListener("input", () => state2.setFilters({ threshold: Number(this.#threshold.value) }));
    for (const [name, select] of Object.entries(this.#selects)) {
      select.addEventListener("change", () => state2.setFilters({ [name]: select.value }));
    }
    state2.on(["document", "results", "filters"], () => this.#update());
  }
  state;
  #threshold = byId("threshold", HTMLInputElement);
  #selects = {
    type: byId("filter-type", HTMLSelectElement),
    ink: byId("filter-ink", HTMLSelectElement),
    die: byId("filter-die", HTMLSelectElement)
  };
  #update() {
    const { filters, stamps } = this.state;
    this.#threshold.value = String(filters.threshold);
    this.#threshold.setAttribute("aria-valuetext", `score ${filters.threshold.toFixed(2)} and above`);
    byId("threshold-value", HTMLOutputElement).value = filters.threshold.toFixed(2);
    const above = stamps.filter((found) => found.stamp.score >= filters.threshold);
    this.#fill("type", "All types", above.map((found) => found.stamp.type));
    this.#fill("ink", "All inks", above.map((found) => found.stamp.ink_colour ?? "unknown"));
    const dies = above.map((found) => this.state.dieOf(found));
    this.#fill("die", "All dies", dies.map(String), (die) => die === "0" ? "die unknown" : `die ${letterOf(Number(die))}`);
    const shown = this.state.visible.length;
    byId("shown", HTMLElement).textContent = shown === stamps.length ? `${shown} shown` : `${shown} of ${stamps.length} candidates shown`;
  }
  #fill(name, all, values, word = (value) => value) {
    const select = this.#selects[name];
    const chosen = this.state.filters[name];
    const counts = /* @__PURE__ */ new Map();
    for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    if (chosen !== ALL && !counts.has(chosen)) counts.set(chosen, 0);
    const options = [...counts].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
    const key = JSON.stringify(options);
    if (select.dataset["options"] !== key) {
      select.dataset["options"] = key;
      const entries = options.map(([value, count]) => element("option", { value }, `${word(value)} (${count})`));
      select.replaceChildren(element("option", { value: ALL }, all), ...entries);
    }
    select.value = chosen;
    select.disabled = options.length === 0;
  }
};

// src/keys.ts
function listenToKeys(parts) {
  const keys = documentKeys(parts);
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || isForTheField(event)) return;
    if (isHandled(parts, keys, event)) event.preventDefault();
  });
}
function documentKeys({ state: state2, viewer: viewer2, preview: preview2, strip: strip2, redraw: redraw2, review: review2, comparison: comparison2, tabs: tabs2 }) {
  const show = (found) => found && viewer2.focusBox(found);
  return /* @__PURE__ */ new Map([
    ["a", () => show(review2.decide("accepted"))],
    ["r", () => show(review2.decide("rejected"))],
    ["e", () => state2.selected && redraw2.start(state2.selected)],
    ["c", () => state2.selected && comparison2.open(state2.selected)],
    ["n", () => show(review2.go(1))],
    ["p", () => show(review2.go(-1))],
    ["u", () => review2.step("undo")],
    ["y", () => review2.step("redo")],
    ["w", () => preview2.toggle()],
    ["s", () => tabs2.show("stamps")],
    ["m", () => tabs2.show("alike")],
    ["PageDown", () => strip2.turn(1)],
    ["PageUp", () => strip2.turn(-1)],
    ["Escape", () => state2.select(null)]
  ]);
}
function isHandled(parts, keys, event) {
  const { state: state2, viewer: viewer2, redraw: redraw2, review: review2, upload: upload2 } = parts;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    if (state2.file === null || !["z", "y"].includes(key)) return false;
    review2.step(key === "y" || event.shiftKey ? "redo" : "undo");
    return true;
  }
  if (key === "?") byId("help", HTMLDialogElement).showModal();
  else if (key === "o") upload2.show();
  else if (state2.file === null) return false;
  else if (upload2.isShown) {
    if (key !== "Escape") return false;
    upload2.hide();
  } else if (redraw2.isActive) return redraw2.key(event);
  else if (keys.has(key) && !event.altKey) keys.get(key)?.();
  else return isOfTheStage(viewer2, event) && viewer2.key(event);
  return true;
}
function isForTheField(event) {
  const target = event.target;
  if (target.matches("input[type=range]")) return !/^[a-z?]$/i.test(event.key);
  return target.matches("input, select, textarea");
}
function isOfTheStage(viewer2, event) {
  const target = event.target;
  return !event.key.startsWith("Arrow") || viewer2.stage.contains(target) || target === document.body;
}

// src/matrix.ts
var MOST_STAMPS = 60;
var LEVELS = 10;
var Matrix = class {
  constructor(state2, compare) {
    this.state = state2;
    this.compare = compare;
    state2.on(["document", "results", "filters", "progress"], () => this.#update());
    this.#kind.addEventListener("change", () => this.#update());
  }
  state;
  compare;
  #area = byId("matrix", HTMLElement);
  #kind = byId("matrix-kind", HTMLSelectElement);
  #note = byId("matrix-note", HTMLElement);
  #dies = byId("dies", HTMLUListElement);
  #shown = "";
  #update() {
    const { rest, isRunning } = this.state;
    const values = this.#values();
    const stamps = this.state.visible.slice(0, MOST_STAMPS);
    this.#updateDies();
    this.#note.textContent = !rest ? isRunning ? "Stamps are compared once all pages are done." : "The document was not analysed to its end: its stamps were not compared." : stamps.length < 2 ? "There are not two stamps to compare." : !values ? "Nobody has measured probabilities for this model: see the similarities." : this.state.visible.length > MOST_STAMPS ? `The first ${MOST_STAMPS} stamps are shown: narrow the filters to see others.` : "";
    const isEmpty = !values || stamps.length < 2;
    const key = isEmpty ? "" : `${this.#kind.value} ${stamps.map((found) => found.index).join()}`;
    if (key === this.#shown && key !== "") return;
    this.#shown = key;
    this.#area.replaceChildren(...isEmpty ? [] : [this.#table(stamps, values)]);
  }
  #values() {
    const { rest } = this.state;
    return (this.#kind.value === "probability" ? rest?.probability : rest?.similarity) ?? null;
  }
  #table(stamps, values) {
    const what = this.#kind.value === "probability" ? "Probability of one die" : "Similarity";
    const name = (found) => this.state.name(found);
    const table = element(
      "table",
      { role: "grid", class: stamps.length > 12 ? "small" : null },
      element("caption", { class: "visually-hidden" }, `${what} of every two stamps; Enter compares the two of a cell`)
    );
    const head = element("tr", {}, element("td"));
    for (const found of stamps) head.append(element("th", { scope: "col" }, name(found)));
    const body = element("tbody");
    for (const [i, a] of stamps.entries()) {
      const row = element("tr", {}, element("th", { scope: "row" }, name(a)));
      for (const [j, b] of stamps.entries()) {
        const value = values[a.index]?.[b.index] ?? 0;
        const level = Math.round(Math.max(0, Math.min(1, value)) * LEVELS);
        const label = `Stamps ${name(a)} and ${name(b)}: ${value.toFixed(2)}`;
        const cell = element("td", {
          role: "gridcell",
          class: a === b ? "self" : `level-${level}`,
          tabindex: i === 0 && j === 1 ? 0 : -1,
          "aria-label": a === b ? `Stamp ${name(a)} with itself` : label,
          title: a === b ? null : label
        });
        cell.textContent = a === b ? "–" : value.toFixed(2);
        if (a !== b) cell.addEventListener("click", () => this.compare(a, b));
        row.append(cell);
      }
      body.append(row);
    }
    table.append(element("thead", {}, head), body);
    table.addEventListener("keydown", (event) => onGridKey(table, event));
    return table;
  }
  #updateDies() {
    const entries = [...this.state.sharedDies].map(
      ([die, members]) => element(
        "li",
        { class: dieClass(die) },
        element("span", { class: "die-letter" }, `Die ${letterOf(die)}`),
        ...members.map((found) => button(this.state.name(found), { "aria-label": `Show stamp ${this.state.name(found)}` }, () => this.state.select(found)))
      )
    );
    const unknown = this.state.visible.filter((found) => this.state.dieOf(found) === 0).length;
    const notes = [
      entries.length === 0 ? "No two stamps are known to be of one die." : "",
      unknown > 0 ? `The die of ${counted(unknown, "stamp")} is unknown: too little ink, or more stamps than are compared at once.` : ""
    ];
    byId("dies-note", HTMLElement).textContent = this.state.rest ? notes.filter(Boolean).join(" ") : "";
    this.#dies.replaceChildren(...entries);
  }
};
function onGridKey(table, event) {
  const cell = event.target;
  if (!(cell instanceof HTMLTableCellElement) || !(cell.parentElement instanceof HTMLTableRowElement)) return;
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const move = moves[event.key];
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    cell.click();
  } else if (move) {
    event.preventDefault();
    event.stopPropagation();
    const next = table.rows[cell.parentElement.rowIndex + move[0]]?.cells[cell.cellIndex + move[1]];
    if (next?.getAttribute("role") !== "gridcell") return;
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

// src/problems.ts
var ProblemPanel = class {
  #panel = byId("problem", HTMLElement);
  #retry = byId("problem-retry", HTMLButtonElement);
  #counting;
  constructor(retry) {
    this.#retry.addEventListener("click", retry);
    byId("problem-close", HTMLButtonElement).addEventListener("click", () => this.hide());
  }
  hide() {
    clearInterval(this.#counting);
    this.#panel.hidden = true;
  }
  /** `canRetry` where sending the same again may help. */
  show(problem, canRetry) {
    clearInterval(this.#counting);
    byId("problem-title", HTMLElement).textContent = title(problem);
    byId("problem-detail", HTMLElement).textContent = sentence(problem.detail);
    const others = problem.violations.filter(({ description }) => !problem.detail.includes(description));
    byId("problem-violations", HTMLElement).replaceChildren(
      ...others.map(({ field, description }) => element("li", {}, `${field}: ${description}`))
    );
    byId("problem-id", HTMLElement).textContent = problem.request_id ? `Request ${problem.request_id}` : "";
    this.#retry.hidden = !canRetry;
    this.#panel.hidden = false;
    this.#countDown(canRetry ? problem.retry_after_s ?? 0 : 0);
    this.#panel.focus();
  }
  /** The button waits as long as the service asks for. */
  #countDown(seconds) {
    const end = Date.now() + seconds * 1e3;
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1e3);
      this.#retry.disabled = left > 0;
      this.#retry.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
      if (left <= 0) clearInterval(this.#counting);
    };
    tick();
    if (this.#retry.disabled) this.#counting = setInterval(tick, 250);
  }
};
function title(problem) {
  const titles = {
    400: "This document cannot be read",
    401: "A token is needed",
    403: "You may not do this here",
    408: "The upload was too slow",
    413: "This document is too large",
    422: "The service does not take this",
    429: "The service is busy",
    500: "The service has failed",
    503: "The service is not ready",
    504: "It took too long"
  };
  if (problem.violations.some(({ field }) => field === "pages")) return "These pages are not there";
  return titles[problem.status] ?? problem.title;
}
function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}
function mayRetry(problem) {
  return [0, 401, 408, 429, 500, 502, 503, 504].includes(problem.status);
}
function asksForPassword(problem) {
  return problem.status === 400 && /\bpassword\b/.test(problem.detail);
}

// src/pictures.ts
var SIDE_PX = 1600;
var FULL_SIDE_PX = 6e3;
var AHEAD = 24;
var KEPT = 240;
var PAUSE_S = 3;
var Pictures = class {
  // until the file is known not to be: nothing is asked of the service before
  constructor(api2, state2) {
    this.api = api2;
    this.state = state2;
  }
  api;
  state;
  #pictures = /* @__PURE__ */ new Map();
  // those used last come last
  #asked = /* @__PURE__ */ new Set();
  #closely = /* @__PURE__ */ new Set();
  #failed = /* @__PURE__ */ new Map();
  #refused;
  // why the service draws nothing of this document
  #isPaused = false;
  #isStarting = false;
  #stopping = new AbortController();
  #isDrawable = true;
  /** Starts with a file: its own picture where the browser draws it, else the first pages from the service. */
  async open(file) {
    this.close();
    const { signal } = this.#stopping;
    this.#isDrawable = true;
    const own2 = await isDrawable(file) ? await measured(file, true) : null;
    if (signal.aborted) return;
    this.#isDrawable = own2 !== null;
    if (own2) {
      this.state.pageCount = 1;
      this.#keep(0, own2);
    }
  }
  close() {
    this.#stopping.abort();
    this.#stopping = new AbortController();
    for (const { url } of this.#pictures.values()) URL.revokeObjectURL(url);
    for (const known of [this.#pictures, this.#asked, this.#closely, this.#failed]) known.clear();
    this.#refused = void 0;
    this.#isPaused = this.#isStarting = false;
  }
  /** Why there is none, where the service has said so. */
  failure(page) {
    return this.#failed.get(page) ?? (this.#pictures.has(page) ? void 0 : this.#refused);
  }
  get(page) {
    const picture = this.#pictures.get(page);
    if (picture) {
      this.#pictures.delete(page);
      this.#pictures.set(page, picture);
    }
    return picture;
  }
  /** Drops the browser's own picture where the service counts other pixels, such as of a turned photograph. */
  check(page, width, height) {
    const picture = this.#pictures.get(page);
    if (!this.#isDrawable || !picture || picture.width === width && picture.height === height) return;
    this.#isDrawable = false;
    this.#pictures.delete(page);
    URL.revokeObjectURL(picture.url);
    this.want([page]);
  }
  /** Has these pages drawn, and those after them, where nobody has asked yet. `pages` is what there is, in order. */
  want(pages) {
    const missing = pages.filter((page) => !this.#pictures.has(page) && !this.#asked.has(page));
    const waits = this.#isStarting || this.#isPaused || this.#refused !== void 0;
    if (this.#isDrawable || waits || missing.length === 0) return;
    const batch = missing.slice(0, AHEAD);
    for (const page of batch) this.#asked.add(page);
    void this.#draw(ranges(batch), SIDE_PX);
  }
  /**
   * The first `most` of the pages that the person has asked for, before they are known. Drawing takes time from the
   * analysis: one page is enough until that has begun.
   */
  wantFirst(most = AHEAD) {
    if (this.#isDrawable) return;
    const { signal } = this.#stopping;
    this.#isStarting = true;
    void this.#draw(this.state.options.pages, SIDE_PX, most).finally(() => {
      if (signal.aborted) return;
      this.#isStarting = false;
      this.state.changed("pictures");
    });
  }
  /** A page in all its pixels, for who looks closely. */
  wantClosely(page) {
    if (this.#pictures.get(page)?.isFull !== false || this.#closely.has(page)) return;
    this.#closely.add(page);
    void this.#draw(String(page + 1), FULL_SIDE_PX);
  }
  async #draw(pages, side, most = AHEAD) {
    const { file, options } = this.state;
    const { signal } = this.#stopping;
    if (!file) return;
    const call = new AbortController();
    const ending = AbortSignal.any([signal, call.signal]);
    let drawn = 0;
    try {
      for await (const row of this.api.pages(file, options, pages, side, ending)) {
        await this.#add(row, side, signal);
        if (++drawn >= most) break;
      }
    } catch (error) {
      if (!signal.aborted) this.#onFailed(error, signal);
    } finally {
      call.abort();
    }
  }
  /** What may be answered later is asked for again, after a while. */
  #onFailed(error, signal) {
    if (!(error instanceof Failed)) throw error;
    const { problem } = error;
    if (!mayRetry(problem)) this.#refused = problem.detail;
    this.#asked.clear();
    this.#closely.clear();
    this.#isPaused = true;
    setTimeout(() => {
      if (signal.aborted) return;
      this.#isPaused = false;
      this.state.changed("pictures");
    }, (problem.retry_after_s ?? PAUSE_S) * 1e3);
  }
  async #add(row, side, signal) {
    this.#asked.add(row.page);
    if (row.jpeg === null) {
      this.#failed.set(row.page, row.error?.detail ?? "");
    } else {
      const blob = new Blob([bytesOf(row.jpeg)], { type: "image/jpeg" });
      const whole = row.width !== null && row.height !== null && Math.max(row.width, row.height) <= side;
      const picture = await measured(blob, whole || side === FULL_SIDE_PX);
      if (signal.aborted || !picture) return;
      this.#keep(row.page, picture);
    }
    if (this.state.pageCount === null) {
      this.state.pageCount = row.page_count;
      this.state.changedSoon("progress");
    }
    this.state.changedSoon("pictures");
  }
  #keep(page, picture) {
    const before = this.#pictures.get(page);
    if (before) URL.revokeObjectURL(before.url);
    this.#pictures.delete(page);
    this.#pictures.set(page, picture);
    for (const [oldest, { url }] of this.#pictures) {
      if (this.#pictures.size <= KEPT) break;
      URL.revokeObjectURL(url);
      this.#pictures.delete(oldest);
      this.#asked.delete(oldest);
    }
  }
};
function ranges(pages) {
  const found = [];
  for (const page of [...pages].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && last[1] === page - 1) last[1] = page;
    else found.push([page, page]);
  }
  return found.map(([from, to]) => from === to ? `${from + 1}` : `${from + 1}-${to + 1}`).join(",");
}
async function isDrawable(file) {
  const bytes = await file.slice(0, 16).arrayBuffer().catch(() => new ArrayBuffer(0));
  const head = String.fromCharCode(...new Uint8Array(bytes));
  const kinds = [/^\xff\xd8\xff/, /^\x89PNG\r\n\x1a\n/, /^RIFF....WEBP/s, /^BM/];
  return kinds.some((kind) => kind.test(head));
}
async function measured(blob, isFull) {
  const url = URL.createObjectURL(blob);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    return { url, width: image.naturalWidth, height: image.naturalHeight, isFull };
  } catch {
    URL.revokeObjectURL(url);
    return null;
  }
}

// src/preview.ts
var Preview = class {
  constructor(api2, state2, onFailed2) {
    this.api = api2;
    this.state = state2;
    this.onFailed = onFailed2;
    this.#button.addEventListener("click", () => this.toggle());
    state2.on(["document"], () => this.#set(false));
    state2.on(["page", "filters"], () => this.#want());
  }
  api;
  state;
  onFailed;
  #button = byId("without-stamps", HTMLButtonElement);
  #urls = /* @__PURE__ */ new Map();
  #asked = /* @__PURE__ */ new Set();
  #threshold = NaN;
  // of the stamps that are erased
  #isOn = false;
  #stopping = new AbortController();
  /** The picture that is shown in place of the page's own, once there is one. */
  url(page) {
    return this.#isOn ? this.#urls.get(page) : void 0;
  }
  toggle() {
    this.#set(!this.#isOn);
  }
  #set(isOn) {
    this.#isOn = isOn;
    if (!isOn) this.#forget();
    this.#want();
    this.state.changed("pictures");
  }
  #want() {
    const { page, filters } = this.state;
    if (filters.threshold !== this.#threshold) this.#forget();
    this.#threshold = filters.threshold;
    if (this.#isOn && !this.#asked.has(page)) {
      this.#asked.add(page);
      void this.#ask(page);
    }
    const isComing = this.#isOn && !this.#urls.has(page);
    this.#button.setAttribute("aria-pressed", String(this.#isOn));
    this.#button.setAttribute("aria-busy", String(isComing));
  }
  async #ask(page) {
    const { file, options } = this.state;
    const { signal } = this.#stopping;
    if (!file) return;
    const chosen = { ...options, pages: String(page + 1) };
    const included = { vectors: false, erased_page: true };
    try {
      for await (const line of this.api.analyze(file, chosen, this.#threshold, included, signal)) {
        if (line.type === "problem") throw new Failed(line.problem);
        if (line.type !== "page") continue;
        if (line.error) throw new Failed(line.error);
        if (signal.aborted || !line.erased_png) return;
        this.#urls.set(page, URL.createObjectURL(new Blob([bytesOf(line.erased_png)], { type: "image/png" })));
        announce(`Page ${page + 1} is shown without its stamps.`);
        this.#want();
        this.state.changed("pictures");
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Failed)) throw error;
      this.#set(false);
      this.onFailed(error.problem);
    }
  }
  #forget() {
    this.#stopping.abort();
    this.#stopping = new AbortController();
    for (const url of this.#urls.values()) URL.revokeObjectURL(url);
    this.#urls.clear();
    this.#asked.clear();
  }
};

// src/progress.ts
var SAID_MS = 5e3;
var Progress = class {
  constructor(state2, cancel) {
    this.state = state2;
    byId("cancel", HTMLButtonElement).addEventListener("click", cancel);
    state2.on(["document", "results", "progress"], () => this.#update());
  }
  state;
  #saidAt = 0;
  #update() {
    const { state: state2 } = this;
    const bar = byId("progress-bar", HTMLProgressElement);
    const total = state2.options.pages ? null : state2.pageCount;
    const done = state2.pages.size;
    byId("progress", HTMLElement).hidden = !state2.isRunning;
    if (total && done > 0) {
      bar.max = total;
      bar.value = done;
    } else {
      bar.removeAttribute("value");
    }
    const words = done === 0 ? "Looking for stamps …" : total ? `${done} of ${counted(total, "page")}` : counted(done, "page");
    byId("progress-text", HTMLElement).textContent = words;
    const now = Date.now();
    if (state2.isRunning && done > 0 && now - this.#saidAt > SAID_MS) {
      this.#saidAt = now;
      announce(`${words} done.`);
    }
  }
};

// src/redraw.ts
var LEAST_PX = 4;
var STEP_PX = 4;
var Redraw = class {
  constructor(state2, viewer2) {
    this.state = state2;
    this.viewer = viewer2;
    const { stage } = viewer2;
    stage.addEventListener("pointerdown", (event) => this.#onDown(event));
    stage.addEventListener("pointermove", (event) => this.#onMove(event));
    stage.addEventListener("pointerup", () => this.#from = null);
    stage.addEventListener("viewchange", () => this.#place());
    byId("redraw-keep", HTMLButtonElement).addEventListener("click", () => this.#end(true));
    byId("redraw-cancel", HTMLButtonElement).addEventListener("click", () => this.#end(false));
    state2.on(["document", "page"], () => this.#end(false));
  }
  state;
  viewer;
  #draft = byId("draft", HTMLElement);
  #bar = byId("redraw-bar", HTMLElement);
  #found = null;
  #box = [0, 0, 0, 0];
  #from = null;
  get isActive() {
    return this.#found !== null;
  }
  start(found) {
    this.state.select(found);
    this.#found = found;
    this.#box = this.state.boxOf(found);
    this.viewer.isLocked = true;
    this.#draft.hidden = this.#bar.hidden = false;
    this.#place();
    this.viewer.stage.focus();
    announce("Drawing the box anew. Arrows move it, with Shift they resize it. Enter keeps it, Escape does not.");
  }
  /** Whether the key was one of drawing. */
  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (event.key === "Enter") this.#end(true);
    else if (event.key === "Escape") this.#end(false);
    else if (move) {
      const step = event.altKey ? 1 : Math.max(1, STEP_PX / this.viewer.view.scale);
      const [dx, dy] = [move[0] * step, move[1] * step];
      const [x1, y1, x2, y2] = this.#box;
      this.#set(event.shiftKey ? [x1, y1, Math.max(x1 + LEAST_PX, x2 + dx), Math.max(y1 + LEAST_PX, y2 + dy)] : this.#moved(dx, dy));
    } else return false;
    return true;
  }
  /** The box, moved as far as it stays on the page. */
  #moved(dx, dy) {
    const page = this.viewer.page;
    const [x1, y1, x2, y2] = this.#box;
    if (!page) return this.#box;
    const x = Math.min(page.width - x2, Math.max(-x1, dx));
    const y = Math.min(page.height - y2, Math.max(-y1, dy));
    return [x1 + x, y1 + y, x2 + x, y2 + y];
  }
  #onDown(event) {
    if (!this.#found || event.button !== 0) return;
    event.preventDefault();
    this.viewer.stage.setPointerCapture(event.pointerId);
    this.#from = this.viewer.pointOf(event.clientX, event.clientY);
  }
  #onMove(event) {
    if (!this.#found || !this.#from) return;
    const { x, y } = this.viewer.pointOf(event.clientX, event.clientY);
    const box = [Math.min(x, this.#from.x), Math.min(y, this.#from.y), Math.max(x, this.#from.x), Math.max(y, this.#from.y)];
    if (box[2] - box[0] >= LEAST_PX && box[3] - box[1] >= LEAST_PX) this.#set(box);
  }
  #set([x1, y1, x2, y2]) {
    const page = this.viewer.page;
    if (!page) return;
    const within = (value, most) => Math.round(Math.min(most, Math.max(0, value)) * 10) / 10;
    this.#box = [within(x1, page.width), within(y1, page.height), within(x2, page.width), within(y2, page.height)];
    this.#place();
  }
  #place() {
    if (this.#found) this.viewer.place(this.#draft, this.#box);
  }
  #end(keeps) {
    const found = this.#found;
    if (!found) return;
    this.#found = this.#from = null;
    this.viewer.isLocked = false;
    this.#draft.hidden = this.#bar.hidden = true;
    if (keeps) this.state.decide(found, { box: this.#box, verdict: "accepted" });
    announce(keeps ? "The new box is kept." : "The box stays as it was.");
    this.viewer.focusBox(found);
  }
};

// src/review.ts
var Review = class {
  constructor(state2) {
    this.state = state2;
    this.#undo.addEventListener("click", () => this.step("undo"));
    this.#redo.addEventListener("click", () => this.step("redo"));
    state2.on(["document", "results", "filters", "review"], () => this.#update());
  }
  state;
  #undo = byId("undo", HTMLButtonElement);
  #redo = byId("redo", HTMLButtonElement);
  /** Says it of the stamp that is selected, and goes on to the next that nothing was said of. */
  decide(verdict) {
    const { selected } = this.state;
    if (!selected) {
      announce("Select a stamp first: N goes to the next.");
      return null;
    }
    this.state.decide(selected, { verdict });
    const next = this.#nextOpen(selected);
    announce(`Stamp ${this.state.name(selected)} ${verdict}. ${next ? `Stamp ${this.state.name(next)} is next.` : "All are reviewed."}`);
    if (next) this.state.select(next);
    return next ?? selected;
  }
  /** To the next stamp, or the one before. */
  go(places) {
    const { visible, selected } = this.state;
    if (visible.length === 0) return null;
    const at = selected ? visible.indexOf(selected) : places > 0 ? -1 : 0;
    const next = visible[(at + places + visible.length) % visible.length] ?? null;
    this.state.select(next);
    return next;
  }
  step(direction) {
    const found = this.state.step(direction);
    const done = direction === "undo" ? "Undone" : "Done again";
    announce(found ? `${done}: stamp ${this.state.name(found)} is ${this.state.decision(found).verdict}.` : `There is nothing to ${direction}.`);
  }
  #nextOpen(after) {
    const { visible } = this.state;
    const at = visible.indexOf(after);
    const others = [...visible.slice(at + 1), ...visible.slice(0, at)];
    return others.find((found) => this.state.decision(found).verdict === "open");
  }
  #update() {
    const { visible, history } = this.state;
    const done = visible.filter((found) => this.state.decision(found).verdict !== "open").length;
    byId("reviewed", HTMLElement).textContent = visible.length > 0 ? `${done} of ${counted(visible.length, "stamp")} reviewed` : "";
    this.#undo.disabled = !history.canUndo;
    this.#redo.disabled = !history.canRedo;
  }
};

// src/strip.ts
var UNKNOWN_PAGES = 200;
var Strip = class {
  constructor(state2, pictures2) {
    this.state = state2;
    this.pictures = pictures2;
    state2.on(["document"], () => this.#clear());
    state2.on(["document", "results", "filters", "progress", "review", "page"], () => this.#update());
    state2.on(["pictures"], () => this.#updatePictures());
    this.#order.addEventListener("change", () => this.#update());
    this.#list.addEventListener("keydown", (event) => this.#onKey(event));
  }
  state;
  pictures;
  #list = byId("strip", HTMLOListElement);
  #order = byId("strip-order", HTMLSelectElement);
  #items = /* @__PURE__ */ new Map();
  #seen = new IntersectionObserver((entries) => this.#onSeen(entries), { rootMargin: "300px" });
  /** Pages as they are listed. */
  get pages() {
    const { pages, pageCount, options, rest } = this.state;
    const known = new Set(pages.keys());
    const upcoming = options.pages || rest ? 0 : Math.min(pageCount ?? 1, known.size + UNKNOWN_PAGES);
    for (let page = 0; page < upcoming; page++) known.add(page);
    if (known.size === 0) known.add(this.state.page);
    const listed = [...known].sort((a, b) => a - b);
    if (this.#order.value !== "found") return listed;
    const found = this.#byPage;
    return listed.sort((a, b) => Number(found.has(b)) - Number(found.has(a)) || a - b);
  }
  /** To the page so many places further. */
  turn(places) {
    const { pages } = this;
    const next = pages[pages.indexOf(this.state.page) + places];
    if (next !== void 0) this.state.show(next);
  }
  get #byPage() {
    const found = /* @__PURE__ */ new Map();
    for (const each of this.state.visible) {
      const known = found.get(each.page);
      if (known) known.push(each);
      else found.set(each.page, [each]);
    }
    return found;
  }
  #clear() {
    for (const { entry } of this.#items.values()) this.#seen.unobserve(entry);
    this.#items.clear();
    this.#list.replaceChildren();
  }
  #update() {
    if (!this.state.file) return;
    const listed = this.pages;
    const found = this.#byPage;
    byId("strip-area", HTMLElement).hidden = this.state.pageCount === 1;
    const entries = listed.map((page) => {
      const item = this.#items.get(page) ?? this.#newItem(page);
      const row = this.state.pages.get(page);
      const stamps = found.get(page) ?? [];
      const count = stamps.length;
      const isCurrent = page === this.state.page;
      const isReviewed = count > 0 && stamps.every((each) => this.state.decision(each).verdict !== "open");
      const words = row?.error ? "could not be read" : row ? counted(count, "stamp") : "not analysed yet";
      item.count.textContent = row?.error ? "!" : row ? String(count) : "…";
      item.entry.className = row?.error ? "failed" : isReviewed ? "reviewed" : count > 0 ? "found" : "";
      const label = row?.label && row.label !== String(page + 1) ? ` (${row.label})` : "";
      item.button.setAttribute("aria-label", `Page ${page + 1}${label}, ${words}${isReviewed ? ", reviewed" : ""}`);
      item.button.tabIndex = isCurrent ? 0 : -1;
      if (isCurrent) item.button.setAttribute("aria-current", "page");
      else item.button.removeAttribute("aria-current");
      return item.entry;
    });
    if (entries.length !== this.#list.children.length || entries.some((each, i) => this.#list.children[i] !== each)) {
      const focused = document.activeElement;
      this.#list.replaceChildren(...entries);
      if (focused instanceof HTMLElement && this.#list.contains(focused)) focused.focus({ preventScroll: true });
    }
    const current = this.#items.get(this.state.page)?.entry;
    if (current && !isInside(current, this.#list)) current.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.#updatePictures();
  }
  #newItem(page) {
    const image = element("img", { alt: "" });
    const count = element("span", { class: "count" });
    const number = element("span", { class: "number" }, String(page + 1));
    const open2 = element("button", { type: "button", "data-page": page }, image, number, count);
    open2.addEventListener("click", () => this.state.show(page));
    const item = { entry: element("li", {}, open2), button: open2, image, count };
    item.entry.dataset["page"] = String(page);
    this.#items.set(page, item);
    this.#seen.observe(item.entry);
    return item;
  }
  #updatePictures() {
    for (const [page, { image }] of this.#items) {
      const url = image.dataset["wanted"] !== void 0 ? this.pictures.get(page)?.url : void 0;
      if (url && image.src !== url) image.src = url;
    }
  }
  #onSeen(entries) {
    const wanted = [];
    for (const { target, isIntersecting } of entries) {
      const page = Number(target.dataset["page"]);
      const item = this.#items.get(page);
      if (!item || !isIntersecting) continue;
      item.image.dataset["wanted"] = "";
      wanted.push(page);
    }
    if (wanted.length === 0) return;
    const last = Math.max(...wanted);
    this.pictures.want([...wanted, ...this.pages.filter((page) => page > last)].filter((page) => this.state.pages.has(page)));
    this.#updatePictures();
  }
  #onKey(event) {
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
    const step = steps[event.key];
    if (step === void 0) return;
    event.preventDefault();
    event.stopPropagation();
    this.turn(step);
    this.#items.get(this.state.page)?.button.focus();
  }
};
function isInside(inner, outer) {
  const [a, b] = [inner.getBoundingClientRect(), outer.getBoundingClientRect()];
  return a.top >= b.top && a.bottom <= b.bottom && a.left >= b.left && a.right <= b.right;
}

// src/strips.ts
var Strips = class {
  constructor(api2, state2, minScore) {
    this.api = api2;
    this.state = state2;
    this.minScore = minScore;
    state2.on(["document"], () => this.#close());
  }
  api;
  state;
  minScore;
  #pages = /* @__PURE__ */ new Map();
  #stopping = new AbortController();
  /** Those of a stamp; each ring of text comes both ways, since only who reads it can say which is right. Raises Failed. */
  async of(found) {
    const asked = this.#pages.get(found.page) ?? this.#ask(found.page);
    this.#pages.set(found.page, asked);
    asked.catch(() => this.#pages.delete(found.page));
    const place = this.state.stamps.filter(({ page }) => page === found.page).indexOf(found);
    return (await asked)[place]?.unrolled ?? [];
  }
  /** The stamps of a page once more, in the same order. */
  async #ask(page) {
    const { file, options } = this.state;
    if (!file) return [];
    const chosen = { ...options, pages: String(page + 1) };
    const included = { vectors: false, unrolled: true };
    for await (const line of this.api.analyze(file, chosen, this.minScore, included, this.#stopping.signal)) {
      if (line.type === "page") return line.stamps;
      if (line.type === "problem") throw new Failed(line.problem);
    }
    return [];
  }
  #close() {
    this.#stopping.abort();
    this.#stopping = new AbortController();
    this.#pages.clear();
  }
};

// src/tabs.ts
var NAMES = ["stamps", "alike"];
var Tabs = class {
  constructor() {
    for (const name of NAMES) {
      const tab = byId(`tab-${name}`, HTMLButtonElement);
      tab.addEventListener("click", () => this.show(name));
      tab.addEventListener("keydown", (event) => {
        if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
        event.stopPropagation();
        this.show(name === "stamps" ? "alike" : "stamps");
      });
    }
  }
  /** Shows one, and goes to its tab. */
  show(shown) {
    for (const name of NAMES) {
      const tab = byId(`tab-${name}`, HTMLButtonElement);
      tab.setAttribute("aria-selected", String(name === shown));
      tab.tabIndex = name === shown ? 0 : -1;
      byId(`panel-${name}`, HTMLElement).hidden = name !== shown;
      if (name === shown) tab.focus();
    }
  }
};

// src/upload.ts
var Upload = class {
  /** `again` is for the document that is open, with the options as they are then. */
  constructor(open2, again) {
    this.open = open2;
    this.#input.addEventListener("change", () => this.#take(this.#input.files));
    byId("choose", HTMLButtonElement).addEventListener("click", () => this.#input.click());
    byId("back", HTMLButtonElement).addEventListener("click", () => this.hide());
    byId("again", HTMLButtonElement).addEventListener("click", () => again(this.options));
    const { body } = document;
    body.addEventListener("dragenter", (event) => this.#onDrag(event, 1));
    body.addEventListener("dragleave", (event) => this.#onDrag(event, -1));
    body.addEventListener("dragover", (event) => event.preventDefault());
    body.addEventListener("drop", (event) => {
      event.preventDefault();
      this.#onDrag(event, -this.#dragging);
      this.#take(event.dataTransfer?.files ?? null);
    });
    body.addEventListener("paste", (event) => {
      if (event.clipboardData?.files.length) this.#take(event.clipboardData.files);
    });
  }
  open;
  #input = byId("file", HTMLInputElement);
  #dragging = 0;
  /** In place of the document, which stays. */
  show() {
    byId("start", HTMLElement).hidden = false;
    byId("work", HTMLElement).hidden = true;
    byId("choose", HTMLButtonElement).focus();
  }
  /** Back to the document. */
  hide() {
    byId("start", HTMLElement).hidden = true;
    byId("work", HTMLElement).hidden = byId("reopen", HTMLElement).hidden = false;
  }
  get isShown() {
    return !byId("start", HTMLElement).hidden;
  }
  get options() {
    return {
      preset: byId("preset-accurate", HTMLInputElement).checked ? "accurate" : "fast",
      pages: byId("pages", HTMLInputElement).value.replaceAll(/\s/g, ""),
      password: "",
      reads: byId("reads", HTMLInputElement).checked
    };
  }
  #take(files) {
    const file = files?.[0];
    if (file) this.open(file, this.options);
    this.#input.value = "";
  }
  #onDrag(event, step) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    this.#dragging = Math.max(0, this.#dragging + step);
    document.body.classList.toggle("dragging", this.#dragging > 0);
  }
};

// src/viewer.ts
var MOST_SCALE = 16;
var STEP = 1.25;
var PAN_PX = 60;
var Viewer = class {
  constructor(state2, pictures2, preview2) {
    this.state = state2;
    this.pictures = pictures2;
    this.preview = preview2;
    state2.on(["document", "page", "pictures", "results", "progress"], () => this.#showPage());
    state2.on(["page", "results", "filters", "review", "selection", "document"], () => this.#showBoxes());
    state2.on(["selection"], () => this.#bringIntoView());
    new ResizeObserver(() => this.#isFitted ? this.fit() : this.#apply()).observe(this.stage);
    this.stage.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    this.stage.addEventListener("pointerdown", (event) => this.#onPointerDown(event));
    this.stage.addEventListener("pointermove", (event) => this.#onPointerMove(event));
    for (const name of ["pointerup", "pointercancel"]) {
      this.stage.addEventListener(name, (event) => this.#pointers.delete(event.pointerId));
    }
    byId("zoom-in", HTMLButtonElement).addEventListener("click", () => this.zoom(STEP));
    byId("zoom-out", HTMLButtonElement).addEventListener("click", () => this.zoom(1 / STEP));
    byId("zoom-fit", HTMLButtonElement).addEventListener("click", () => this.fit());
  }
  state;
  pictures;
  preview;
  stage = byId("stage", HTMLElement);
  #sheet = byId("sheet", HTMLImageElement);
  #boxes = byId("boxes", HTMLElement);
  #empty = byId("stage-note", HTMLElement);
  #pointers = /* @__PURE__ */ new Map();
  #buttons = /* @__PURE__ */ new Map();
  #view = { scale: 1, x: 0, y: 0 };
  #isFitted = true;
  #shown = -1;
  /** Set while a box is drawn anew: pointers and arrows belong to that. */
  isLocked = false;
  get view() {
    return this.#view;
  }
  /** Width and height of the page in the pixels that boxes count, and how much higher than wide one of them is. */
  get page() {
    const row = this.state.pages.get(this.state.page);
    const picture = this.pictures.get(this.state.page);
    if (row?.width && row.height) {
      const [across, down] = row.resolution ?? [1, 1];
      const drawn = picture && picture.height / picture.width * (row.width / row.height);
      return { width: row.width, height: row.height, stretch: drawn && across !== down ? drawn : 1 };
    }
    return picture ? { width: picture.width, height: picture.height, stretch: 1 } : null;
  }
  /** The whole page. */
  fit() {
    const page = this.page;
    if (!page) return;
    const { clientWidth, clientHeight } = this.stage;
    const margin = 24;
    const height = page.height * page.stretch;
    const scale = Math.min((clientWidth - margin) / page.width, (clientHeight - margin) / height, MOST_SCALE);
    this.#view = {
      scale: Math.max(scale, 1e-3),
      x: (clientWidth - page.width * scale) / 2,
      y: (clientHeight - height * scale) / 2
    };
    this.#isFitted = true;
    this.#apply();
  }
  /** Larger or smaller around a point of the stage, else its middle. */
  zoom(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const { scale } = this.#view;
    const next = Math.min(MOST_SCALE, Math.max(this.#leastScale(), scale * factor));
    this.#move(next, x - (x - this.#view.x) * (next / scale), y - (y - this.#view.y) * (next / scale));
  }
  pan(x, y) {
    this.#move(this.#view.scale, this.#view.x + x, this.#view.y + y);
  }
  /** A point of the page under a point of the window. */
  pointOf(clientX, clientY) {
    const area = this.stage.getBoundingClientRect();
    const { scale, x, y } = this.#view;
    const stretch = this.page?.stretch ?? 1;
    return { x: (clientX - area.left - x) / scale, y: (clientY - area.top - y) / (scale * stretch) };
  }
  /** Lays an element of the stage over a box of the page. */
  place(target, [x1, y1, x2, y2]) {
    const { scale, x, y } = this.#view;
    const down = scale * (this.page?.stretch ?? 1);
    target.style.left = `${x + x1 * scale}px`;
    target.style.top = `${y + y1 * down}px`;
    target.style.width = `${(x2 - x1) * scale}px`;
    target.style.height = `${(y2 - y1) * down}px`;
  }
  /** Keys of the stage: + - 0 and arrows. Whether it was one. */
  key(event) {
    const pans = {
      ArrowLeft: [PAN_PX, 0],
      ArrowRight: [-PAN_PX, 0],
      ArrowUp: [0, PAN_PX],
      ArrowDown: [0, -PAN_PX]
    };
    const pan = pans[event.key];
    if (event.key === "+" || event.key === "=") this.zoom(STEP);
    else if (event.key === "-") this.zoom(1 / STEP);
    else if (event.key === "0") this.fit();
    else if (pan && !event.shiftKey) this.pan(...pan);
    else return false;
    return true;
  }
  focusBox(found) {
    this.#buttons.get(found.index)?.focus({ preventScroll: true });
  }
  #leastScale() {
    const page = this.page;
    if (!page) return 0.01;
    return Math.min(1, this.stage.clientWidth / page.width, this.stage.clientHeight / page.height) / 4;
  }
  #move(scale, x, y) {
    const page = this.page;
    if (!page) return;
    const { clientWidth, clientHeight } = this.stage;
    const kept = 48;
    this.#view = {
      scale,
      x: Math.min(clientWidth - kept, Math.max(kept - page.width * scale, x)),
      y: Math.min(clientHeight - kept, Math.max(kept - page.height * page.stretch * scale, y))
    };
    this.#isFitted = false;
    this.#apply();
  }
  #apply() {
    const page = this.page;
    if (!page) return;
    this.place(this.#sheet, [0, 0, page.width, page.height]);
    for (const [index, each] of this.#buttons) {
      const found = this.state.stamps[index];
      if (found) this.place(each, this.state.boxOf(found));
    }
    byId("zoom-level", HTMLElement).textContent = `${Math.round(this.#view.scale * 100)} %`;
    const picture = this.pictures.get(this.state.page);
    const drawnAt = this.#view.scale * devicePixelRatio * (page.width / (picture?.width ?? page.width));
    if (drawnAt > 1.3) this.pictures.wantClosely(this.state.page);
    this.stage.dispatchEvent(new Event("viewchange"));
  }
  #showPage() {
    const { page } = this.state;
    const row = this.state.pages.get(page);
    if (row?.width) this.pictures.check(page, row.width, row.height);
    const picture = this.pictures.get(page);
    if (!picture && (row || !this.state.options.pages)) this.pictures.want([page]);
    const isComing = !picture && (this.state.isRunning || row !== void 0);
    const note = row?.error?.detail ?? this.pictures.failure(page) ?? (isComing ? "Drawing the page …" : "");
    this.#empty.textContent = note;
    this.#empty.hidden = note === "";
    this.#sheet.hidden = !picture;
    const count = this.state.pageCount;
    this.#sheet.alt = `Page ${page + 1}${count ? ` of ${count}` : ""}`;
    const url = this.preview.url(page) ?? picture?.url;
    if (url && this.#sheet.src !== url) this.#sheet.src = url;
    const size = `${page} ${this.page?.width} ${this.page?.height}`;
    if (this.page && (this.#shown !== page || this.stage.dataset["size"] !== size)) {
      this.#shown = page;
      this.stage.dataset["size"] = size;
      this.fit();
    } else {
      this.#apply();
    }
  }
  #showBoxes() {
    const visible = this.state.pages.has(this.state.page) ? this.state.onPage(this.state.page) : [];
    const kept = new Set(visible.map((found) => found.index));
    for (const [index, each] of this.#buttons) {
      if (kept.has(index)) continue;
      each.remove();
      this.#buttons.delete(index);
    }
    for (const found of visible) {
      const known = this.#buttons.get(found.index) ?? this.#newBox(found);
      const { verdict, box } = this.state.decision(found);
      const die = this.state.dieOf(found);
      const shared = this.state.sharedDies.has(die);
      known.className = `box ${shared ? dieClass(die) : ""} ${verdict}`;
      known.setAttribute("aria-pressed", String(this.state.selected === found));
      const name = this.state.name(found);
      const tag = known.firstElementChild;
      const shownAs = `${name} · ${found.stamp.score.toFixed(2)}`;
      if (tag) tag.textContent = shownAs;
      const words = [
        shownAs,
        // who speaks to the browser says what can be seen
        `${found.stamp.type} stamp`,
        shared ? `die ${letterOf(die)}` : "",
        verdict === "open" ? "" : verdict,
        box ? "box redrawn" : ""
      ];
      known.setAttribute("aria-label", words.filter(Boolean).join(", "));
      this.place(known, this.state.boxOf(found));
    }
  }
  #newBox(found) {
    const made = element("button", { type: "button", "data-stamp": found.index }, element("span", { class: "tag" }));
    made.addEventListener("click", () => this.state.select(found));
    made.addEventListener("focus", () => this.#bringIntoView(found));
    this.#buttons.set(found.index, made);
    this.#boxes.append(made);
    return made;
  }
  /** Moves the page where the stamp is out of sight. */
  #bringIntoView(found = this.state.selected) {
    const page = this.page;
    if (!found || !page || found.page !== this.state.page) return;
    const [x1, y1, x2, y2] = this.state.boxOf(found);
    const { scale, x, y } = this.#view;
    const { clientWidth, clientHeight } = this.stage;
    const down = scale * page.stretch;
    const isSeen = x + x1 * scale >= 0 && x + x2 * scale <= clientWidth && y + y1 * down >= 0 && y + y2 * down <= clientHeight;
    if (isSeen) return;
    this.#move(scale, clientWidth / 2 - (x1 + x2) / 2 * scale, clientHeight / 2 - (y1 + y2) / 2 * down);
  }
  #onWheel(event) {
    event.preventDefault();
    const area = this.stage.getBoundingClientRect();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    this.zoom(Math.exp(-event.deltaY * lines / 400), event.clientX - area.left, event.clientY - area.top);
  }
  #onPointerDown(event) {
    if (this.isLocked || event.button !== 0) return;
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }
  /** One pointer moves the page, two zoom it as they part. */
  #onPointerMove(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before || this.isLocked) return;
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    const now = { x: event.clientX, y: event.clientY };
    if (Math.hypot(now.x - before.x, now.y - before.y) < 3 && !this.stage.hasPointerCapture(event.pointerId)) return;
    if (!this.stage.hasPointerCapture(event.pointerId)) this.stage.setPointerCapture(event.pointerId);
    if (other) {
      const area = this.stage.getBoundingClientRect();
      const factor = distance(now, other) / Math.max(1, distance(before, other));
      this.zoom(factor, (now.x + other.x) / 2 - area.left, (now.y + other.y) / 2 - area.top);
      this.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    } else {
      this.pan(now.x - before.x, now.y - before.y);
    }
    this.#pointers.set(event.pointerId, now);
  }
};
function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

// src/main.ts
var LOWEST_SCORE = 0.15;
var USUAL_THRESHOLD = 0.5;
var state = new State();
var api = new Api(
  () => ask({
    title: "Token needed",
    text: "This service takes calls with a token only. It is kept until this page is closed, and stored nowhere.",
    label: "Token"
  })
);
var pictures = new Pictures(api, state);
var preview = new Preview(api, state, (problem) => problems.show(problem, false));
var viewer = new Viewer(state, pictures, preview);
var strip = new Strip(state, pictures);
var redraw = new Redraw(state, viewer);
var review = new Review(state);
var strips2 = new Strips(api, state, LOWEST_SCORE);
var comparison = new CompareDialog(state, api);
var tabs = new Tabs();
var cards = new Cards(state, {
  compare: (found) => comparison.open(found),
  redraw: (found) => redraw.start(found),
  strips: (found) => strips2.of(found),
  reveal: (found) => {
    if (matchMedia("(max-width: 60rem)").matches) viewer.stage.scrollIntoView({ block: "nearest" });
    cards.focus(found);
  }
});
new FilterBar(state);
new Matrix(state, (a, b) => comparison.open(a, b));
var upload = new Upload(
  (file, options) => void open(file, options),
  (options) => {
    if (state.file) void open(state.file, options);
  }
);
var problems = new ProblemPanel(() => {
  if (state.file) void open(state.file, state.options);
});
var thresholds = /* @__PURE__ */ new Map();
var running = new AbortController();
new Progress(state, () => running.abort());
async function open(file, options) {
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
        if (thresholds.size === 0) await askModels();
        state.setFilters({ threshold: thresholds.get(options.preset) ?? USUAL_THRESHOLD });
        isGuessed = false;
      }
      if (line.type === "page") {
        state.addPage(line);
        if (state.pages.size === 2) pictures.wantFirst();
      } else if (line.type === "document") state.rest = line;
      else if (line.type === "problem") throw new Failed(line.problem);
    }
    state.pageCount = state.rest?.page_count ?? state.pageCount;
    announce(`Done: ${counted(state.visible.length, "stamp")} on ${counted(state.pages.size, "page")}.`);
  } catch (error) {
    if (running.signal !== signal) return;
    if (error instanceof Failed) await onFailed(error, file, options);
    else if (signal.aborted) announce(`Cancelled after ${counted(state.pages.size, "page")}.`);
    else throw error;
    if (running.signal !== signal) return;
  }
  await drawing;
  state.isRunning = false;
  state.changed("results", "progress", "selection");
}
async function onFailed(failed, file, options) {
  const { problem } = failed;
  if (asksForPassword(problem)) {
    const text = options.password ? "This password does not open the document. Try another." : "The document opens with a password. It goes with the document, and is stored nowhere.";
    const password = await ask({ title: `Password of ${file.name}`, text, label: "Password" });
    if (password !== null) return open(file, { ...options, password });
  }
  problems.show(problem, mayRetry(problem));
}
async function askModels() {
  const models = await api.models().catch(() => []);
  byId("reads-option", HTMLElement).hidden = !models.some(({ task }) => task === "read");
  for (const model of models.filter(({ task }) => task === "detect")) {
    for (const preset of model.presets) thresholds.set(preset, model.threshold);
  }
}
var EXPORTS = {
  "export-json": ["-reviewed.json", "application/json", reviewJson],
  "export-csv": ["-reviewed.csv", "text/csv", reviewCsv],
  "export-coco": ["-coco.json", "application/json", reviewCoco],
  "export-vectors-json": ["-vectors.json", "application/json", vectorsJson],
  "export-vectors-csv": ["-vectors.csv", "text/csv", vectorsCsv]
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
for (const closer of document.querySelectorAll("dialog [data-close]")) {
  closer.addEventListener("click", () => closer.closest("dialog")?.close());
}
state.on(["document", "results", "progress"], () => {
  byId("export-open", HTMLButtonElement).disabled = state.pages.size === 0;
});
void askModels();
listenToKeys({ state, viewer, preview, strip, redraw, review, comparison, tabs, upload });
