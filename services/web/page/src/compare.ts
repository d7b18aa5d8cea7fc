// Two stamps beside each other and over each other, with what follows from them in words.

import { Failed, type Api } from "./api.ts";
import { announce, byId, bytesOf, element, pngUrl } from "./dom.ts";
import { draw, planesOf, type Drawing, type Planes } from "./overlay.ts";
import type { Found, State } from "./state.ts";
import type { Comparison } from "./types.ts";

const BLINK_MS = 700;
type Mode = "beside" | "overlaid" | "blink" | "differences";

export class CompareDialog {
  readonly #dialog = byId("compare", HTMLDialogElement);
  readonly #selects = [byId("compare-a", HTMLSelectElement), byId("compare-b", HTMLSelectElement)] as const;
  readonly #pictures = [byId("compare-picture-a", HTMLImageElement), byId("compare-picture-b", HTMLImageElement)] as const;
  readonly #canvas = byId("compare-canvas", HTMLCanvasElement);
  readonly #flip = byId("compare-flip", HTMLButtonElement);
  readonly #modes = [...this.#dialog.querySelectorAll<HTMLInputElement>("input[name=mode]")];
  #calling = new AbortController();
  #planes: Planes | null = null;
  #blinking: ReturnType<typeof setInterval> | undefined;
  #blinksB = false;

  constructor(
    private readonly state: State,
    private readonly api: Api,
  ) {
    for (const select of this.#selects) select.addEventListener("change", () => void this.#compare());
    for (const mode of this.#modes) mode.addEventListener("change", () => this.#show());
    this.#flip.addEventListener("click", () => this.#blink());
    this.#dialog.addEventListener("close", () => this.#stop());
  }

  /** Opens on two stamps; on one, with the one that is most like it. */
  open(a: Found, b: Found | null = null): void {
    const other = b ?? this.#nearest(a);
    if (!other) {
      announce("There is no other stamp to compare it with.");
      return;
    }
    for (const [select, chosen] of [[this.#selects[0], a], [this.#selects[1], other]] as const) {
      const options = this.state.visible.map((found) =>
        element("option", { value: found.index }, `Stamp ${this.state.name(found)}, ${found.stamp.type}`),
      );
      select.replaceChildren(...options);
      select.value = String(chosen.index);
    }
    this.#dialog.showModal();
    void this.#compare();
  }

  #nearest(a: Found): Found | null {
    const alike = this.state.rest?.probability?.[a.index] ?? this.state.rest?.similarity[a.index] ?? [];
    const others = this.state.visible.filter((found) => found !== a);
    const order = (found: Found) => alike[found.index] ?? 0;
    return others.sort((b, c) => order(c) - order(b))[0] ?? null;
  }

  async #compare(): Promise<void> {
    this.#stop();
    const [a, b] = this.#selects.map((select) => this.state.stamps[Number(select.value)]);
    if (!a?.stamp.crop_png || !b?.stamp.crop_png) return;
    for (const [picture, found] of [[this.#pictures[0], a], [this.#pictures[1], b]] as const) {
      picture.src = pngUrl(found.stamp.crop_png ?? "");
      picture.alt = `Stamp ${this.state.name(found)}`;
    }
    this.#tell("Comparing …", "", "");
    this.#show();
    const { signal } = this.#calling;
    try {
      const found = await this.api.compare(png(a.stamp.crop_png), png(b.stamp.crop_png), this.state.options.preset, signal);
      const planes = found.overlay && (await planesOf(found.overlay));
      if (signal.aborted) return;
      this.#planes = planes;
      this.#tell(...sentences(found, this.state.name(a), this.state.name(b)));
      this.#tellNumbers(found);
      this.#show();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Failed)) throw error;
      this.#tell(error.problem.title, error.problem.detail, "cannot-tell");
    }
  }

  #tell(verdict: string, reason: string, kind: string): void {
    const target = byId("compare-verdict", HTMLElement);
    target.textContent = verdict;
    target.className = `verdict ${kind}`;
    byId("compare-reason", HTMLElement).textContent = reason;
    byId("compare-numbers", HTMLElement).replaceChildren();
  }

  #tellNumbers(found: Comparison): void {
    const percent = (share: number) => `${Math.round(share * 100)} %`;
    const rows: [string, string][] = [["Similarity of the vectors", `${found.similarity.toFixed(3)} (${found.model})`]];
    if (found.probability !== null) {
      rows.unshift(["Probability of one die", `${found.probability.toFixed(3)}, at a prior of ${percent(found.prior)}`]);
    }
    if (found.missing_ink !== null) rows.push(["Ink of the first that the second lacks", percent(found.missing_ink)]);
    if (found.added_ink !== null) rows.push(["Ink of the second that the first lacks", percent(found.added_ink)]);
    if (found.mirrored) rows.push(["The second", "was turned over to fit"]);
    byId("compare-numbers", HTMLElement).replaceChildren(
      ...rows.map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value))),
    );
  }

  #show(): void {
    const mode = (this.#modes.find((each) => each.checked)?.value ?? "beside") as Mode;
    const planes = this.#planes;
    for (const each of this.#modes) each.disabled = !planes && each.value !== "beside" && !each.checked;
    byId("compare-beside", HTMLElement).hidden = mode !== "beside";
    byId("compare-over", HTMLElement).hidden = mode === "beside";
    byId("compare-wait", HTMLElement).hidden = planes !== null;
    for (const legend of this.#dialog.querySelectorAll<HTMLElement>("[data-legend]")) {
      legend.hidden = !(legend.dataset["legend"] ?? "").split(" ").includes(mode);
    }
    this.#canvas.hidden = !planes;
    this.#flip.hidden = mode !== "blink";
    clearInterval(this.#blinking);
    if (!planes || mode === "beside") return;
    if (mode === "blink") {
      this.#blinksB = true;
      this.#blink();
      // Who wants no motion turns by the button.
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.#blinking = setInterval(() => this.#blink(), BLINK_MS);
      return;
    }
    this.#draw(mode, mode === "overlaid" ? "Both stamps over each other" : "Where both agree and where they contradict each other");
  }

  #blink(): void {
    this.#blinksB = !this.#blinksB;
    this.#draw(this.#blinksB ? "b" : "a", "The two stamps in turns");
    this.#flip.textContent = this.#blinksB ? "Second stamp shown" : "First stamp shown";
  }

  #draw(drawing: Drawing, label: string): void {
    if (!this.#planes) return;
    draw(this.#canvas, this.#planes, drawing);
    this.#canvas.setAttribute("aria-label", label);
    this.#canvas.dataset["drawing"] = drawing;
  }

  #stop(): void {
    clearInterval(this.#blinking);
    this.#calling.abort();
    this.#calling = new AbortController();
    this.#planes = null;
  }
}

/** The verdict, its reason, and the class that colours it. */
function sentences(found: Comparison, a: string, b: string): [string, string, string] {
  const both = `Stamps ${a} and ${b}`;
  switch (found.verdict) {
    case "same":
      return [`${both} are of one die`, "Enough of their ink is legible, and no place contradicts it.", "same"];
    case "different":
      return [`${both} are of two dies`, "Some places show what one die cannot have made.", "different"];
    case "same layout":
      return [`${both} are of one layout`, `Whether of one die is open, because ${found.reason}.`, "cannot-tell"];
    case "mirrored":
      return [`${both} are mirror images`, `${found.reason}.`, "cannot-tell"];
    case "cannot tell":
      return ["It cannot be determined whether one die made both", `Because ${found.reason}.`, "cannot-tell"];
  }
}

function png(base64: string): Blob {
  return new Blob([bytesOf(base64)], { type: "image/png" });
}
