// How far the document is, to see and to hear.

import { announce, byId, counted } from "./dom.ts";
import type { State } from "./state.ts";

const SAID_MS = 5000; // at most so often: a screen reader says one thing at a time

export class Progress {
  #saidAt = 0;

  constructor(
    private readonly state: State,
    cancel: () => void,
  ) {
    byId("cancel", HTMLButtonElement).addEventListener("click", cancel);
    state.on(["document", "results", "progress"], () => this.#update());
  }

  #update(): void {
    const { state } = this;
    const bar = byId("progress-bar", HTMLProgressElement);
    const total = state.options.pages ? null : state.pageCount;
    const done = state.pages.size;
    byId("progress", HTMLElement).hidden = !state.isRunning;
    if (total && done > 0) {
      bar.max = total;
      bar.value = done;
    } else {
      bar.removeAttribute("value");
    }
    const words = done === 0 ? "Looking for stamps …" : total ? `${done} of ${counted(total, "page")}` : counted(done, "page");
    byId("progress-text", HTMLElement).textContent = words;
    const now = Date.now();
    if (state.isRunning && done > 0 && now - this.#saidAt > SAID_MS) {
      this.#saidAt = now;
      announce(`${words} done.`);
    }
  }
}
