// Which stamps are shown: by score, type, ink and die. Nothing is asked of the service for it.

import { byId, element } from "./dom.ts";
import { letterOf } from "./dies.ts";
import { ALL, type Filters, type State } from "./state.ts";

export class FilterBar {
  readonly #threshold = byId("threshold", HTMLInputElement);
  readonly #selects = {
    type: byId("filter-type", HTMLSelectElement),
    ink: byId("filter-ink", HTMLSelectElement),
    die: byId("filter-die", HTMLSelectElement),
  };

  constructor(private readonly state: State) {
    this.#threshold.addEventListener("input", () => state.setFilters({ threshold: Number(this.#threshold.value) }));
    for (const [name, select] of Object.entries(this.#selects)) {
      select.addEventListener("change", () => state.setFilters({ [name]: select.value } as Partial<Filters>));
    }
    state.on(["document", "results", "filters"], () => this.#update());
  }

  #update(): void {
    const { filters, stamps } = this.state;
    this.#threshold.value = String(filters.threshold);
    this.#threshold.setAttribute("aria-valuetext", `score ${filters.threshold.toFixed(2)} and above`);
    byId("threshold-value", HTMLOutputElement).value = filters.threshold.toFixed(2);
    const above = stamps.filter((found) => found.stamp.score >= filters.threshold);
    this.#fill("type", "All types", above.map((found) => found.stamp.type));
    this.#fill("ink", "All inks", above.map((found) => found.stamp.ink_colour ?? "unknown"));
    const dies = above.map((found) => this.state.dieOf(found));
    this.#fill("die", "All dies", dies.map(String), (die) => (die === "0" ? "die unknown" : `die ${letterOf(Number(die))}`));
    const shown = this.state.visible.length;
    byId("shown", HTMLElement).textContent =
      shown === stamps.length ? `${shown} shown` : `${shown} of ${stamps.length} candidates shown`;
  }

  #fill(name: "type" | "ink" | "die", all: string, values: string[], word = (value: string) => value): void {
    const select = this.#selects[name];
    const chosen = this.state.filters[name];
    const counts = new Map<string, number>();
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
}
