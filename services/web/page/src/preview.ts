// The page without its stamps: asked for page by page, once somebody wants to see it.

import { Failed, type Api } from "./api.ts";
import { announce, byId, bytesOf } from "./dom.ts";
import type { State } from "./state.ts";
import type { Problem } from "./types.ts";

export class Preview {
  readonly #button = byId("without-stamps", HTMLButtonElement);
  readonly #urls = new Map<number, string>();
  readonly #asked = new Set<number>();
  #threshold = NaN; // of the stamps that are erased
  #isOn = false;
  #stopping = new AbortController();

  constructor(
    private readonly api: Api,
    private readonly state: State,
    private readonly onFailed: (problem: Problem) => void,
  ) {
    this.#button.addEventListener("click", () => this.toggle());
    state.on(["document"], () => this.#set(false));
    state.on(["page", "filters"], () => this.#want());
  }

  /** The picture that is shown in place of the page's own, once there is one. */
  url(page: number): string | undefined {
    return this.#isOn ? this.#urls.get(page) : undefined;
  }

  toggle(): void {
    this.#set(!this.#isOn);
  }

  #set(isOn: boolean): void {
    this.#isOn = isOn;
    if (!isOn) this.#forget();
    this.#want();
    this.state.changed("pictures");
  }

  #want(): void {
    const { page, filters } = this.state;
    if (filters.threshold !== this.#threshold) this.#forget(); // other stamps would be erased
    this.#threshold = filters.threshold;
    if (this.#isOn && !this.#asked.has(page)) {
      this.#asked.add(page);
      void this.#ask(page);
    }
    const isComing = this.#isOn && !this.#urls.has(page);
    this.#button.setAttribute("aria-pressed", String(this.#isOn));
    this.#button.setAttribute("aria-busy", String(isComing));
  }

  async #ask(page: number): Promise<void> {
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

  #forget(): void {
    this.#stopping.abort();
    this.#stopping = new AbortController();
    for (const url of this.#urls.values()) URL.revokeObjectURL(url);
    this.#urls.clear();
    this.#asked.clear();
  }
}
