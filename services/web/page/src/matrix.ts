// How alike every two stamps are: a table of numbers with colours, and the dies that follow from them.

import { button, byId, counted, element } from "./dom.ts";
import { dieClass, letterOf } from "./dies.ts";
import type { Found, State } from "./state.ts";

const MOST_STAMPS = 60; // in one table: a person reads no more, and a browser draws them at once
const LEVELS = 10;

export class Matrix {
  readonly #area = byId("matrix", HTMLElement);
  readonly #kind = byId("matrix-kind", HTMLSelectElement);
  readonly #note = byId("matrix-note", HTMLElement);
  readonly #dies = byId("dies", HTMLUListElement);
  #shown = "";

  constructor(
    private readonly state: State,
    private readonly compare: (a: Found, b: Found) => void,
  ) {
    state.on(["document", "results", "filters", "progress"], () => this.#update());
    this.#kind.addEventListener("change", () => this.#update());
  }

  #update(): void {
    const { rest, isRunning } = this.state;
    const values = this.#values();
    const stamps = this.state.visible.slice(0, MOST_STAMPS);
    this.#updateDies();
    this.#note.textContent = !rest
      ? isRunning
        ? "Stamps are compared once all pages are done."
        : "The document was not analysed to its end: its stamps were not compared."
      : stamps.length < 2
        ? "There are not two stamps to compare."
        : !values
          ? "Nobody has measured probabilities for this model: see the similarities."
          : this.state.visible.length > MOST_STAMPS
            ? `The first ${MOST_STAMPS} stamps are shown: narrow the filters to see others.`
            : "";
    const isEmpty = !values || stamps.length < 2;
    // Rebuilt only where it differs, so that it keeps the focus.
    const key = isEmpty ? "" : `${this.#kind.value} ${stamps.map((found) => found.index).join()}`;
    if (key === this.#shown && key !== "") return;
    this.#shown = key;
    this.#area.replaceChildren(...(isEmpty ? [] : [this.#table(stamps, values)]));
  }

  #values(): number[][] | null {
    const { rest } = this.state;
    return (this.#kind.value === "probability" ? rest?.probability : rest?.similarity) ?? null;
  }

  #table(stamps: Found[], values: number[][]): HTMLTableElement {
    const what = this.#kind.value === "probability" ? "Probability of one die" : "Similarity";
    const name = (found: Found) => this.state.name(found);
    const table = element(
      "table",
      { role: "grid", class: stamps.length > 12 ? "small" : null },
      element("caption", { class: "visually-hidden" }, `${what} of every two stamps; Enter compares the two of a cell`),
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
          title: a === b ? null : label,
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

  #updateDies(): void {
    const entries = [...this.state.sharedDies].map(([die, members]) =>
      element(
        "li",
        { class: dieClass(die) },
        element("span", { class: "die-letter" }, `Die ${letterOf(die)}`),
        ...members.map((found) => button(this.state.name(found), { "aria-label": `Show stamp ${this.state.name(found)}` }, () => this.state.select(found))),
      ),
    );
    const unknown = this.state.visible.filter((found) => this.state.dieOf(found) === 0).length;
    const notes = [
      entries.length === 0 ? "No two stamps are known to be of one die." : "",
      unknown > 0 ? `The die of ${counted(unknown, "stamp")} is unknown: too little ink, or more stamps than are compared at once.` : "",
    ];
    byId("dies-note", HTMLElement).textContent = this.state.rest ? notes.filter(Boolean).join(" ") : "";
    this.#dies.replaceChildren(...entries);
  }
}

/** Arrows move through the cells, Enter and space open one. */
function onGridKey(table: HTMLTableElement, event: KeyboardEvent): void {
  const cell = event.target;
  if (!(cell instanceof HTMLTableCellElement) || !(cell.parentElement instanceof HTMLTableRowElement)) return;
  const moves: Record<string, [number, number]> = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
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
