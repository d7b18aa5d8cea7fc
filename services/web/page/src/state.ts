// What is known of the document that is open, and what the person has chosen; views hear of each change.

import { History } from "./history.ts";
import type { Box, DocumentRow, Options, PageRow, Stamp } from "./types.ts";

/** A stamp of the document. */
export interface Found {
  /** Through the pages in order, as rows and columns of the matrices count. */
  readonly index: number;
  readonly page: number;
  /** "2" on a document of one page, else "3.2": the second of page 3, best first. */
  readonly label: string;
  readonly stamp: Stamp;
}

export type Verdict = "open" | "accepted" | "rejected";

/** What the person says of a stamp; `box` where it was drawn anew. */
export interface Decision {
  readonly verdict: Verdict;
  readonly box: Box | null;
}

export interface Filters {
  threshold: number;
  type: string;
  ink: string;
  die: string;
}

export type Topic = "document" | "results" | "pictures" | "page" | "selection" | "filters" | "review" | "progress";

const OPEN: Decision = { verdict: "open", box: null };
export const ALL = "";

export class State {
  file: File | null = null;
  options: Options = { preset: "fast", pages: "", password: "", reads: false };
  isRunning = false;
  /** Of the file; null until it is known. */
  pageCount: number | null = null;
  readonly pages = new Map<number, PageRow>();
  readonly stamps: Found[] = [];
  rest: DocumentRow | null = null;
  page = 0;
  selected: Found | null = null;
  filters: Filters = { threshold: 0.5, type: ALL, ink: ALL, die: ALL };
  history = new History<number, Decision>();

  readonly #decisions = new Map<number, Decision>();
  readonly #listeners = new Map<Topic, Set<() => void>>();
  readonly #waiting = new Set<Topic>();

  /** Calls `listener` after each change of these topics. */
  on(topics: Topic[], listener: () => void): void {
    for (const topic of topics) {
      const known = this.#listeners.get(topic) ?? new Set();
      this.#listeners.set(topic, known.add(listener));
    }
  }

  changed(...topics: Topic[]): void {
    const listeners = new Set(topics.flatMap((topic) => [...(this.#listeners.get(topic) ?? [])]));
    for (const listener of listeners) listener();
  }

  /** The same before the next frame, once for all that comes by then: pages of long documents come faster. */
  changedSoon(...topics: Topic[]): void {
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
  open(file: File, options: Options, threshold: number): void {
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

  addPage(row: PageRow): void {
    const isFirst = this.pages.size === 0;
    this.pages.set(row.page, row);
    for (const [position, stamp] of row.stamps.entries()) {
      const label = `${row.page + 1}.${position + 1}`;
      this.stamps.push({ index: this.stamps.length, page: row.page, label, stamp });
    }
    if (isFirst) this.page = row.page;
    this.changedSoon("results", ...(isFirst ? (["page"] as const) : []));
  }

  /** Where there is one page, its number says nothing. */
  name(found: Found): string {
    return this.isOnePage ? found.label.replace(/^.*\./, "") : found.label;
  }

  get isOnePage(): boolean {
    return this.pageCount === 1;
  }

  /** The stamps that the threshold and the filters leave, through the pages in order. */
  get visible(): Found[] {
    return this.stamps.filter((found) => this.isVisible(found));
  }

  onPage(page: number): Found[] {
    return this.visible.filter((found) => found.page === page);
  }

  isVisible(found: Found): boolean {
    const { threshold, type, ink, die } = this.filters;
    return (
      found.stamp.score >= threshold &&
      (type === ALL || found.stamp.type === type) &&
      (ink === ALL || (found.stamp.ink_colour ?? "unknown") === ink) &&
      (die === ALL || String(this.dieOf(found)) === die)
    );
  }

  /** Numbers the dies from 1; 0 where the die is not known, or not yet. */
  dieOf(found: Found): number {
    return this.rest?.die_groups[found.index] ?? 0;
  }

  /** Dies that more than one stamp has. */
  get sharedDies(): Map<number, Found[]> {
    const dies = new Map<number, Found[]>();
    for (const found of this.stamps) {
      const die = this.dieOf(found);
      if (die) dies.set(die, [...(dies.get(die) ?? []), found]);
    }
    return new Map([...dies].filter(([, members]) => members.length > 1));
  }

  setFilters(filters: Partial<Filters>): void {
    this.filters = { ...this.filters, ...filters };
    if (this.selected && !this.isVisible(this.selected)) this.select(null);
    this.changed("filters");
  }

  show(page: number): void {
    if (page === this.page) return;
    this.page = page;
    if (this.selected?.page !== page) this.selected = null;
    this.changed("page", "selection");
  }

  select(found: Found | null): void {
    this.selected = found;
    const turns = found !== null && found.page !== this.page;
    if (turns) this.page = found.page;
    this.changed("selection", ...(turns ? (["page"] as const) : []));
  }

  decision(found: Found): Decision {
    return this.#decisions.get(found.index) ?? OPEN;
  }

  boxOf(found: Found): Box {
    return this.decision(found).box ?? found.stamp.box;
  }

  /** Records what the person says, so that it can be taken back. */
  decide(found: Found, change: Partial<Decision>): void {
    const before = this.decision(found);
    const after = { ...before, ...change };
    if (before.verdict === after.verdict && String(before.box) === String(after.box)) return;
    this.history.push({ key: found.index, before, after });
    this.#decisions.set(found.index, after);
    this.changed("review");
  }

  /** Takes a step back, or again; the stamp that it was about. */
  step(direction: "undo" | "redo"): Found | null {
    const step = this.history[direction]();
    const found = step && this.stamps[step.key];
    if (!step || !found) return null;
    this.#decisions.set(step.key, direction === "undo" ? step.before : step.after);
    this.changed("review");
    if (this.isVisible(found)) this.select(found);
    return found;
  }
}
