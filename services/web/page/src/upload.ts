// How a document comes in: dropped anywhere, chosen, or pasted; with its options.

import { byId } from "./dom.ts";
import type { Options } from "./types.ts";

export class Upload {
  readonly #input = byId("file", HTMLInputElement);
  #dragging = 0;

  /** `again` is for the document that is open, with the options as they are then. */
  constructor(
    private readonly open: (file: File, options: Options) => void,
    again: (options: Options) => void,
  ) {
    this.#input.addEventListener("change", () => this.#take(this.#input.files));
    byId("choose", HTMLButtonElement).addEventListener("click", () => this.#input.click());
    byId("back", HTMLButtonElement).addEventListener("click", () => this.hide());
    byId("again", HTMLButtonElement).addEventListener("click", () => again(this.options));
    const { body } = document;
    body.addEventListener("dragenter", (event) => this.#onDrag(event, 1));
    body.addEventListener("dragleave", (event) => this.#onDrag(event, -1));
    body.addEventListener("dragover", (event) => event.preventDefault());
    body.addEventListener("drop", (event) => {
      event.preventDefault();
      this.#onDrag(event, -this.#dragging);
      this.#take(event.dataTransfer?.files ?? null);
    });
    body.addEventListener("paste", (event) => {
      if (event.clipboardData?.files.length) this.#take(event.clipboardData.files);
    });
  }

  /** In place of the document, which stays. */
  show(): void {
    byId("start", HTMLElement).hidden = false;
    byId("work", HTMLElement).hidden = true;
    byId("choose", HTMLButtonElement).focus();
  }

  /** Back to the document. */
  hide(): void {
    byId("start", HTMLElement).hidden = true;
    byId("work", HTMLElement).hidden = byId("reopen", HTMLElement).hidden = false;
  }

  get isShown(): boolean {
    return !byId("start", HTMLElement).hidden;
  }

  get options(): Options {
    return {
      preset: byId("preset-accurate", HTMLInputElement).checked ? "accurate" : "fast",
      pages: byId("pages", HTMLInputElement).value.replaceAll(/\s/g, ""),
      password: "",
      reads: byId("reads", HTMLInputElement).checked,
    };
  }

  #take(files: FileList | null): void {
    const file = files?.[0];
    if (file) this.open(file, this.options);
    this.#input.value = ""; // so that the same file may be chosen again
  }

  #onDrag(event: DragEvent, step: number): void {
    if (!event.dataTransfer?.types.includes("Files")) return;
    this.#dragging = Math.max(0, this.#dragging + step);
    document.body.classList.toggle("dragging", this.#dragging > 0);
  }
}
