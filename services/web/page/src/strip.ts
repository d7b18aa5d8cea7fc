// The pages of the document in a row, each with its picture and how many stamps are on it.

import { byId, counted, element } from "./dom.ts";
import type { Pictures } from "./pictures.ts";
import type { Found, State } from "./state.ts";

const UNKNOWN_PAGES = 200; // that are listed before their analysis, of a document that has more

interface Item {
  readonly entry: HTMLLIElement;
  readonly button: HTMLButtonElement;
  readonly image: HTMLImageElement;
  readonly count: HTMLElement;
}

export class Strip {
  readonly #list = byId("strip", HTMLOListElement);
  readonly #order = byId("strip-order", HTMLSelectElement);
  readonly #items = new Map<number, Item>();
  readonly #seen = new IntersectionObserver((entries) => this.#onSeen(entries), { rootMargin: "300px" });

  constructor(
    private readonly state: State,
    private readonly pictures: Pictures,
  ) {
    state.on(["document"], () => this.#clear());
    state.on(["document", "results", "filters", "progress", "review", "page"], () => this.#update());
    state.on(["pictures"], () => this.#updatePictures());
    this.#order.addEventListener("change", () => this.#update());
    this.#list.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Pages as they are listed. */
  get pages(): number[] {
    const { pages, pageCount, options, rest } = this.state;
    const known = new Set(pages.keys());
    // Which pages a selection has is known as they come.
    const upcoming = options.pages || rest ? 0 : Math.min(pageCount ?? 1, known.size + UNKNOWN_PAGES);
    for (let page = 0; page < upcoming; page++) known.add(page);
    if (known.size === 0) known.add(this.state.page);
    const listed = [...known].sort((a, b) => a - b);
    if (this.#order.value !== "found") return listed;
    const found = this.#byPage;
    return listed.sort((a, b) => Number(found.has(b)) - Number(found.has(a)) || a - b);
  }

  /** To the page so many places further. */
  turn(places: number): void {
    const { pages } = this;
    const next = pages[pages.indexOf(this.state.page) + places];
    if (next !== undefined) this.state.show(next);
  }

  get #byPage(): Map<number, Found[]> {
    const found = new Map<number, Found[]>();
    for (const each of this.state.visible) {
      const known = found.get(each.page);
      if (known) known.push(each);
      else found.set(each.page, [each]);
    }
    return found;
  }

  #clear(): void {
    for (const { entry } of this.#items.values()) this.#seen.unobserve(entry);
    this.#items.clear();
    this.#list.replaceChildren();
  }

  #update(): void {
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
    // Only where it differs, as moving an element takes the focus from it.
    if (entries.length !== this.#list.children.length || entries.some((each, i) => this.#list.children[i] !== each)) {
      const focused = document.activeElement;
      this.#list.replaceChildren(...entries);
      if (focused instanceof HTMLElement && this.#list.contains(focused)) focused.focus({ preventScroll: true });
    }
    const current = this.#items.get(this.state.page)?.entry;
    if (current && !isInside(current, this.#list)) current.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.#updatePictures();
  }

  #newItem(page: number): Item {
    const image = element("img", { alt: "" });
    const count = element("span", { class: "count" });
    const number = element("span", { class: "number" }, String(page + 1));
    const open = element("button", { type: "button", "data-page": page }, image, number, count);
    open.addEventListener("click", () => this.state.show(page));
    const item = { entry: element("li", {}, open), button: open, image, count };
    item.entry.dataset["page"] = String(page);
    this.#items.set(page, item);
    this.#seen.observe(item.entry);
    return item;
  }

  #updatePictures(): void {
    for (const [page, { image }] of this.#items) {
      const url = image.dataset["wanted"] !== undefined ? this.pictures.get(page)?.url : undefined;
      if (url && image.src !== url) image.src = url;
    }
  }

  #onSeen(entries: IntersectionObserverEntry[]): void {
    const wanted: number[] = [];
    for (const { target, isIntersecting } of entries) {
      const page = Number((target as HTMLElement).dataset["page"]);
      const item = this.#items.get(page);
      if (!item || !isIntersecting) continue;
      item.image.dataset["wanted"] = "";
      wanted.push(page);
    }
    if (wanted.length === 0) return;
    // What has been analysed is certainly there; a longer document is drawn as it is looked through.
    const last = Math.max(...wanted);
    this.pictures.want([...wanted, ...this.pages.filter((page) => page > last)].filter((page) => this.state.pages.has(page)));
    this.#updatePictures();
  }

  #onKey(event: KeyboardEvent): void {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.turn(step);
    this.#items.get(this.state.page)?.button.focus();
  }
}

function isInside(inner: Element, outer: Element): boolean {
  const [a, b] = [inner.getBoundingClientRect(), outer.getBoundingClientRect()];
  return a.top >= b.top && a.bottom <= b.bottom && a.left >= b.left && a.right <= b.right;
}
