// The text of stamps made straight: asked for page by page, once somebody wants to see it, as it doubles the time of a page.

import type { Api } from "./api.ts";
import { Failed } from "./api.ts";
import type { Found, State } from "./state.ts";
import type { Stamp, Strip } from "./types.ts";

export class Strips {
  readonly #pages = new Map<number, Promise<Stamp[]>>();
  #stopping = new AbortController();

  constructor(
    private readonly api: Api,
    private readonly state: State,
    private readonly minScore: number,
  ) {
    state.on(["document"], () => this.#close());
  }

  /** Those of a stamp; each ring of text comes both ways, since only who reads it can say which is right. Raises Failed. */
  async of(found: Found): Promise<Strip[]> {
    const asked = this.#pages.get(found.page) ?? this.#ask(found.page);
    this.#pages.set(found.page, asked);
    asked.catch(() => this.#pages.delete(found.page)); // it may be asked for again
    const place = this.state.stamps.filter(({ page }) => page === found.page).indexOf(found);
    return (await asked)[place]?.unrolled ?? [];
  }

  /** The stamps of a page once more, in the same order. */
  async #ask(page: number): Promise<Stamp[]> {
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

  #close(): void {
    this.#stopping.abort();
    this.#stopping = new AbortController();
    this.#pages.clear();
  }
}
