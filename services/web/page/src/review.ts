// Going through the stamps: accept, reject, undo, and how far the person is.

import { announce, byId, counted } from "./dom.ts";
import type { Found, State, Verdict } from "./state.ts";

export class Review {
  readonly #undo = byId("undo", HTMLButtonElement);
  readonly #redo = byId("redo", HTMLButtonElement);

  constructor(private readonly state: State) {
    this.#undo.addEventListener("click", () => this.step("undo"));
    this.#redo.addEventListener("click", () => this.step("redo"));
    state.on(["document", "results", "filters", "review"], () => this.#update());
  }

  /** Says it of the stamp that is selected, and goes on to the next that nothing was said of. */
  decide(verdict: Verdict): Found | null {
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
  go(places: 1 | -1): Found | null {
    const { visible, selected } = this.state;
    if (visible.length === 0) return null;
    const at = selected ? visible.indexOf(selected) : places > 0 ? -1 : 0;
    const next = visible[(at + places + visible.length) % visible.length] ?? null;
    this.state.select(next);
    return next;
  }

  step(direction: "undo" | "redo"): void {
    const found = this.state.step(direction);
    const done = direction === "undo" ? "Undone" : "Done again";
    announce(found ? `${done}: stamp ${this.state.name(found)} is ${this.state.decision(found).verdict}.` : `There is nothing to ${direction}.`);
  }

  #nextOpen(after: Found): Found | undefined {
    const { visible } = this.state;
    const at = visible.indexOf(after);
    const others = [...visible.slice(at + 1), ...visible.slice(0, at)];
    return others.find((found) => this.state.decision(found).verdict === "open");
  }

  #update(): void {
    const { visible, history } = this.state;
    const done = visible.filter((found) => this.state.decision(found).verdict !== "open").length;
    byId("reviewed", HTMLElement).textContent = visible.length > 0 ? `${done} of ${counted(visible.length, "stamp")} reviewed` : "";
    this.#undo.disabled = !history.canUndo;
    this.#redo.disabled = !history.canRedo;
  }
}
