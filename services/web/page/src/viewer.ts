// The page that is looked at: its picture, zoomed and moved, and a box for each stamp.

import { byId, element } from "./dom.ts";
import { dieClass, letterOf } from "./dies.ts";
import type { Pictures } from "./pictures.ts";
import type { Preview } from "./preview.ts";
import type { Found, State } from "./state.ts";
import type { Box } from "./types.ts";

const MOST_SCALE = 16; // screen pixels a pixel of the page
const STEP = 1.25;
const PAN_PX = 60;

/** Screen pixels of the stage from pixels of the page. */
export interface View {
  scale: number;
  x: number;
  y: number;
}

export class Viewer {
  readonly stage = byId("stage", HTMLElement);
  readonly #sheet = byId("sheet", HTMLImageElement);
  readonly #boxes = byId("boxes", HTMLElement);
  readonly #empty = byId("stage-note", HTMLElement);
  readonly #pointers = new Map<number, { x: number; y: number }>();
  readonly #buttons = new Map<number, HTMLButtonElement>();
  #view: View = { scale: 1, x: 0, y: 0 };
  #isFitted = true;
  #shown = -1;
  /** Set while a box is drawn anew: pointers and arrows belong to that. */
  isLocked = false;

  constructor(
    private readonly state: State,
    private readonly pictures: Pictures,
    private readonly preview: Preview,
  ) {
    state.on(["document", "page", "pictures", "results", "progress"], () => this.#showPage());
    state.on(["page", "results", "filters", "review", "selection", "document"], () => this.#showBoxes());
    state.on(["selection"], () => this.#bringIntoView());
    new ResizeObserver(() => (this.#isFitted ? this.fit() : this.#apply())).observe(this.stage);
    this.stage.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    this.stage.addEventListener("pointerdown", (event) => this.#onPointerDown(event));
    this.stage.addEventListener("pointermove", (event) => this.#onPointerMove(event));
    for (const name of ["pointerup", "pointercancel"] as const) {
      this.stage.addEventListener(name, (event) => this.#pointers.delete(event.pointerId));
    }
    byId("zoom-in", HTMLButtonElement).addEventListener("click", () => this.zoom(STEP));
    byId("zoom-out", HTMLButtonElement).addEventListener("click", () => this.zoom(1 / STEP));
    byId("zoom-fit", HTMLButtonElement).addEventListener("click", () => this.fit());
  }

  get view(): View {
    return this.#view;
  }

  /** Width and height of the page in the pixels that boxes count, and how much higher than wide one of them is. */
  get page(): { width: number; height: number; stretch: number } | null {
    const row = this.state.pages.get(this.state.page);
    const picture = this.pictures.get(this.state.page);
    if (row?.width && row.height) {
      const [across, down] = row.resolution ?? [1, 1];
      const drawn = picture && (picture.height / picture.width) * (row.width / row.height);
      return { width: row.width, height: row.height, stretch: drawn && across !== down ? drawn : 1 };
    }
    return picture ? { width: picture.width, height: picture.height, stretch: 1 } : null;
  }

  /** The whole page. */
  fit(): void {
    const page = this.page;
    if (!page) return;
    const { clientWidth, clientHeight } = this.stage;
    const margin = 24;
    const height = page.height * page.stretch;
    const scale = Math.min((clientWidth - margin) / page.width, (clientHeight - margin) / height, MOST_SCALE);
    this.#view = {
      scale: Math.max(scale, 0.001),
      x: (clientWidth - page.width * scale) / 2,
      y: (clientHeight - height * scale) / 2,
    };
    this.#isFitted = true;
    this.#apply();
  }

  /** Larger or smaller around a point of the stage, else its middle. */
  zoom(factor: number, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2): void {
    const { scale } = this.#view;
    const next = Math.min(MOST_SCALE, Math.max(this.#leastScale(), scale * factor));
    this.#move(next, x - (x - this.#view.x) * (next / scale), y - (y - this.#view.y) * (next / scale));
  }

  pan(x: number, y: number): void {
    this.#move(this.#view.scale, this.#view.x + x, this.#view.y + y);
  }

  /** A point of the page under a point of the window. */
  pointOf(clientX: number, clientY: number): { x: number; y: number } {
    const area = this.stage.getBoundingClientRect();
    const { scale, x, y } = this.#view;
    const stretch = this.page?.stretch ?? 1;
    return { x: (clientX - area.left - x) / scale, y: (clientY - area.top - y) / (scale * stretch) };
  }

  /** Lays an element of the stage over a box of the page. */
  place(target: HTMLElement, [x1, y1, x2, y2]: Box): void {
    const { scale, x, y } = this.#view;
    const down = scale * (this.page?.stretch ?? 1);
    target.style.left = `${x + x1 * scale}px`;
    target.style.top = `${y + y1 * down}px`;
    target.style.width = `${(x2 - x1) * scale}px`;
    target.style.height = `${(y2 - y1) * down}px`;
  }

  /** Keys of the stage: + - 0 and arrows. Whether it was one. */
  key(event: KeyboardEvent): boolean {
    const pans: Record<string, [number, number]> = {
      ArrowLeft: [PAN_PX, 0],
      ArrowRight: [-PAN_PX, 0],
      ArrowUp: [0, PAN_PX],
      ArrowDown: [0, -PAN_PX],
    };
    const pan = pans[event.key];
    if (event.key === "+" || event.key === "=") this.zoom(STEP);
    else if (event.key === "-") this.zoom(1 / STEP);
    else if (event.key === "0") this.fit();
    else if (pan && !event.shiftKey) this.pan(...pan);
    else return false;
    return true;
  }

  focusBox(found: Found): void {
    this.#buttons.get(found.index)?.focus({ preventScroll: true });
  }

  #leastScale(): number {
    const page = this.page;
    if (!page) return 0.01;
    return Math.min(1, this.stage.clientWidth / page.width, this.stage.clientHeight / page.height) / 4;
  }

  #move(scale: number, x: number, y: number): void {
    const page = this.page;
    if (!page) return;
    const { clientWidth, clientHeight } = this.stage;
    const kept = 48; // of the page always stays in sight
    this.#view = {
      scale,
      x: Math.min(clientWidth - kept, Math.max(kept - page.width * scale, x)),
      y: Math.min(clientHeight - kept, Math.max(kept - page.height * page.stretch * scale, y)),
    };
    this.#isFitted = false;
    this.#apply();
  }

  #apply(): void {
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

  #showPage(): void {
    const { page } = this.state;
    const row = this.state.pages.get(page);
    if (row?.width) this.pictures.check(page, row.width, row.height);
    const picture = this.pictures.get(page);
    if (!picture && (row || !this.state.options.pages)) this.pictures.want([page]);
    const isComing = !picture && (this.state.isRunning || row !== undefined);
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

  #showBoxes(): void {
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
        shownAs, // who speaks to the browser says what can be seen
        `${found.stamp.type} stamp`,
        shared ? `die ${letterOf(die)}` : "",
        verdict === "open" ? "" : verdict,
        box ? "box redrawn" : "",
      ];
      known.setAttribute("aria-label", words.filter(Boolean).join(", "));
      this.place(known, this.state.boxOf(found));
    }
  }

  #newBox(found: Found): HTMLButtonElement {
    const made = element("button", { type: "button", "data-stamp": found.index }, element("span", { class: "tag" }));
    made.addEventListener("click", () => this.state.select(found));
    made.addEventListener("focus", () => this.#bringIntoView(found));
    this.#buttons.set(found.index, made);
    this.#boxes.append(made);
    return made;
  }

  /** Moves the page where the stamp is out of sight. */
  #bringIntoView(found: Found | null = this.state.selected): void {
    const page = this.page;
    if (!found || !page || found.page !== this.state.page) return;
    const [x1, y1, x2, y2] = this.state.boxOf(found);
    const { scale, x, y } = this.#view;
    const { clientWidth, clientHeight } = this.stage;
    const down = scale * page.stretch;
    const isSeen = x + x1 * scale >= 0 && x + x2 * scale <= clientWidth && y + y1 * down >= 0 && y + y2 * down <= clientHeight;
    if (isSeen) return;
    this.#move(scale, clientWidth / 2 - ((x1 + x2) / 2) * scale, clientHeight / 2 - ((y1 + y2) / 2) * down);
  }

  #onWheel(event: WheelEvent): void {
    event.preventDefault();
    const area = this.stage.getBoundingClientRect();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    this.zoom(Math.exp((-event.deltaY * lines) / 400), event.clientX - area.left, event.clientY - area.top);
  }

  #onPointerDown(event: PointerEvent): void {
    if (this.isLocked || event.button !== 0) return;
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  }

  /** One pointer moves the page, two zoom it as they part. */
  #onPointerMove(event: PointerEvent): void {
    const before = this.#pointers.get(event.pointerId);
    if (!before || this.isLocked) return;
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    const now = { x: event.clientX, y: event.clientY };
    if (Math.hypot(now.x - before.x, now.y - before.y) < 3 && !this.stage.hasPointerCapture(event.pointerId)) return;
    // Only now: a pointer that is captured from its start never clicks a box.
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
}

function distance(a: { x: number; y: number }, b: { x: number; y: number }): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
