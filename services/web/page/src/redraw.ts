// Drawing the box of a stamp anew, by pointer or by keys.

import { announce, byId } from "./dom.ts";
import type { Found, State } from "./state.ts";
import type { Box } from "./types.ts";
import type { Viewer } from "./viewer.ts";

const LEAST_PX = 4; // of a side
const STEP_PX = 4; // of the screen, for one press of an arrow

export class Redraw {
  readonly #draft = byId("draft", HTMLElement);
  readonly #bar = byId("redraw-bar", HTMLElement);
  #found: Found | null = null;
  #box: Box = [0, 0, 0, 0];
  #from: { x: number; y: number } | null = null;

  constructor(
    private readonly state: State,
    private readonly viewer: Viewer,
  ) {
    const { stage } = viewer;
    stage.addEventListener("pointerdown", (event) => this.#onDown(event));
    stage.addEventListener("pointermove", (event) => this.#onMove(event));
    stage.addEventListener("pointerup", () => (this.#from = null));
    stage.addEventListener("viewchange", () => this.#place());
    byId("redraw-keep", HTMLButtonElement).addEventListener("click", () => this.#end(true));
    byId("redraw-cancel", HTMLButtonElement).addEventListener("click", () => this.#end(false));
    state.on(["document", "page"], () => this.#end(false));
  }

  get isActive(): boolean {
    return this.#found !== null;
  }

  start(found: Found): void {
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
  key(event: KeyboardEvent): boolean {
    const moves: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
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
  #moved(dx: number, dy: number): Box {
    const page = this.viewer.page;
    const [x1, y1, x2, y2] = this.#box;
    if (!page) return this.#box;
    const x = Math.min(page.width - x2, Math.max(-x1, dx));
    const y = Math.min(page.height - y2, Math.max(-y1, dy));
    return [x1 + x, y1 + y, x2 + x, y2 + y];
  }

  #onDown(event: PointerEvent): void {
    if (!this.#found || event.button !== 0) return;
    event.preventDefault();
    this.viewer.stage.setPointerCapture(event.pointerId);
    this.#from = this.viewer.pointOf(event.clientX, event.clientY);
  }

  #onMove(event: PointerEvent): void {
    if (!this.#found || !this.#from) return;
    const { x, y } = this.viewer.pointOf(event.clientX, event.clientY);
    const box: Box = [Math.min(x, this.#from.x), Math.min(y, this.#from.y), Math.max(x, this.#from.x), Math.max(y, this.#from.y)];
    if (box[2] - box[0] >= LEAST_PX && box[3] - box[1] >= LEAST_PX) this.#set(box);
  }

  #set([x1, y1, x2, y2]: Box): void {
    const page = this.viewer.page;
    if (!page) return;
    const within = (value: number, most: number) => Math.round(Math.min(most, Math.max(0, value)) * 10) / 10;
    this.#box = [within(x1, page.width), within(y1, page.height), within(x2, page.width), within(y2, page.height)];
    this.#place();
  }

  #place(): void {
    if (this.#found) this.viewer.place(this.#draft, this.#box);
  }

  #end(keeps: boolean): void {
    const found = this.#found;
    if (!found) return;
    this.#found = this.#from = null;
    this.viewer.isLocked = false;
    this.#draft.hidden = this.#bar.hidden = true;
    if (keeps) this.state.decide(found, { box: this.#box, verdict: "accepted" });
    announce(keeps ? "The new box is kept." : "The box stays as it was.");
    this.viewer.focusBox(found);
  }
}
