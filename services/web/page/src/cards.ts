// A card for each stamp of the page: what it looks like, what is known of it, and what the person says of it.

import { Failed } from "./api.ts";
import { button, byId, counted, download, element, pngUrl, safeName } from "./dom.ts";
import { dieClass, letterOf } from "./dies.ts";
import { vectorJson } from "./exports.ts";
import { plot } from "./plot.ts";
import type { Found, State } from "./state.ts";
import type { Strip, Text } from "./types.ts";

const MOST_NAMED = 4; // stamps of the same die

export interface CardActions {
  compare(found: Found): void;
  redraw(found: Found): void;
  strips(found: Found): Promise<Strip[]>;
  /** To the box of the stamp, on the page. */
  reveal(found: Found): void;
}

export class Cards {
  readonly #list = byId("cards", HTMLUListElement);
  readonly #cards = new Map<number, HTMLLIElement>();

  constructor(
    private readonly state: State,
    private readonly actions: CardActions,
  ) {
    state.on(["document"], () => this.#cards.clear());
    state.on(["document", "page", "results", "filters", "review", "selection", "progress"], () => this.#update());
    state.on(["selection"], () => this.#scroll());
  }

  focus(found: Found): void {
    this.#cards.get(found.index)?.querySelector<HTMLElement>(".card-name")?.focus();
  }

  #update(): void {
    const { page, pages, isRunning } = this.state;
    const row = pages.get(page);
    const found = this.state.onPage(page);
    const entries = found.map((each) => this.#updated(each));
    if (entries.length !== this.#list.children.length || entries.some((each, i) => this.#list.children[i] !== each)) {
      this.#list.replaceChildren(...entries);
    }
    const title = this.state.isOnePage ? "" : `Page ${page + 1}: `;
    byId("cards-title", HTMLElement).textContent = `${title}${row ? counted(found.length, "stamp") : isRunning ? "not analysed yet" : "not analysed"}`;
    const note = byId("cards-note", HTMLElement);
    const hidden = this.state.stamps.filter((each) => each.page === page).length - found.length;
    note.textContent =
      !row || row.error || found.length > 0
        ? ""
        : hidden > 0
          ? `No stamp passes the filters; ${counted(hidden, "candidate")} of this page ${hidden === 1 ? "does" : "do"} not.`
          : "There is no stamp on this page.";
    const warnings = [...(this.state.rest?.warnings ?? []), ...(row?.warnings ?? [])];
    byId("warnings", HTMLElement).replaceChildren(...warnings.map((text) => element("li", {}, text)));
  }

  #updated(found: Found): HTMLLIElement {
    const card = this.#cards.get(found.index) ?? this.#newCard(found);
    const { verdict, box } = this.state.decision(found);
    const die = this.state.dieOf(found);
    const members = this.state.sharedDies.get(die);
    card.className = `card ${verdict} ${members ? dieClass(die) : ""}`;
    card.classList.toggle("selected", this.state.selected === found);
    const name = card.querySelector(".card-name");
    if (name) {
      name.textContent = `Stamp ${this.state.name(found)}`;
      name.setAttribute("aria-pressed", String(this.state.selected === found));
    }
    const others = members?.filter((each) => each !== found).map((each) => this.state.name(each));
    const more = others && others.length > MOST_NAMED ? ` and ${others.length - MOST_NAMED} more` : "";
    const named = others?.slice(0, MOST_NAMED).join(", ");
    const dieText = others ? `${letterOf(die)}, as ${named}${more}` : die ? "no other has it" : this.state.rest ? "unknown" : "";
    const dieCell = card.querySelector<HTMLElement>(".die-value");
    if (dieCell?.parentElement) {
      dieCell.textContent = dieText;
      dieCell.parentElement.hidden = dieText === "";
    }
    for (const word of ["accepted", "rejected"] as const) {
      card.querySelector(`[data-verdict=${word}]`)?.setAttribute("aria-pressed", String(verdict === word));
    }
    const state = card.querySelector(".card-state");
    const words = [verdict === "open" ? "" : verdict, box ? "box redrawn" : ""];
    if (state) state.textContent = words.filter(Boolean).join(", ");
    return card;
  }

  #newCard(found: Found): HTMLLIElement {
    const { stamp } = found;
    const name = button("", { class: "card-name" }, () => {
      this.state.select(found);
      this.actions.reveal(found);
    });
    const picture = (base64: string | undefined, what: string) =>
      base64 === undefined
        ? element("figure", { class: "none" }, element("figcaption", {}, `no ${what}`))
        : element(
            "figure",
            {},
            element("span", { class: "frame" }, element("img", { src: pngUrl(base64), alt: "" })),
            element("figcaption", {}, what),
          );
    const mask = picture(stamp.mask_png, "ink");
    mask.classList.add("ink");
    const card = element(
      "li",
      { class: "card", "data-stamp": found.index },
      element("h3", {}, name, element("span", { class: "card-state" })),
      element("div", { class: "card-pictures" }, picture(stamp.crop_png, "page"), mask),
      facts(found),
      element(
        "div",
        { class: "card-actions" },
        this.#verdictButton(found, "Accept", "accepted"),
        this.#verdictButton(found, "Reject", "rejected"),
        button("Redraw box", {}, () => this.actions.redraw(found)),
        button("Compare …", {}, () => this.actions.compare(found)),
      ),
    );
    if (stamp.text) card.append(texts(stamp.text));
    card.append(strips(found, this.actions.strips));
    if (stamp.vector) card.append(this.#vector(found, stamp.vector));
    card.addEventListener("click", (event) => {
      if (!(event.target as Element).closest("button, summary, a")) name.click();
    });
    this.#cards.set(found.index, card);
    return card;
  }

  #verdictButton(found: Found, label: string, verdict: "accepted" | "rejected"): HTMLButtonElement {
    return button(label, { "data-verdict": verdict, "aria-pressed": "false" }, () => {
      const isTaken = this.state.decision(found).verdict === verdict;
      this.state.decide(found, { verdict: isTaken ? "open" : verdict });
    });
  }

  #vector(found: Found, vector: number[]): HTMLDetailsElement {
    const summary = element("summary", {}, `Vector of ${vector.length} numbers`);
    const made = element("details", {}, summary);
    made.addEventListener("toggle", () => {
      if (!made.open || made.childElementCount > 1) return;
      const name = safeName(this.state.file?.name ?? "", `-stamp-${this.state.name(found)}-vector.json`);
      const save = () => download(name, vectorJson(this.state, found), "application/json");
      made.append(plot(vector), button("Download as JSON", {}, save));
    });
    return made;
  }

  #scroll(): void {
    const { selected } = this.state;
    if (selected) this.#cards.get(selected.index)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

/** What a reader has made of it, with how sure it is: much of a stamp is worn. */
function texts({ lines, dates, numbers, warnings }: Text): HTMLElement {
  const sure = (confidence: number) => element("span", { class: "fine" }, ` ${Math.round(confidence * 100)} %`);
  const read = lines.filter(({ text }) => text !== "");
  const items = read.map(({ text, confidence, doubtful }) =>
    element("li", { class: doubtful ? "doubtful" : null }, element("span", { dir: "auto" }, text), sure(confidence)),
  );
  const found = [
    ...dates.filter(({ doubtful }) => !doubtful).map(({ iso, text }) => `Date ${iso || text}`),
    ...numbers.filter(({ doubtful }) => !doubtful).map(({ digits }) => `Number ${digits}`),
  ];
  const notes = [...found, ...warnings].map((text) => element("p", { class: "fine" }, text));
  const none = items.length === 0 ? [element("p", { class: "fine" }, "No text could be read.")] : [];
  return element("div", { class: "texts", role: "group", "aria-label": "Text" }, element("ul", {}, ...items), ...none, ...notes);
}

function strips(found: Found, ask: CardActions["strips"]): HTMLDetailsElement {
  const made = element("details", {}, element("summary", {}, "Straightened text"));
  const words = (strip: Strip) => (strip.ring ? `Ring of text, read ${strip.ring.reading}` : "Lines of text");
  const note = element("p", { class: "fine", role: "status" });
  const show = async () => {
    if (!made.open || made.querySelector("img")) return;
    note.textContent = "Straightening …";
    made.append(note);
    try {
      const all = await ask(found);
      const pictures = all.map((strip) => element("img", { src: pngUrl(strip.pixels_png), alt: words(strip), title: words(strip) }));
      note.textContent = all.length > 0 ? "" : "There is too little ink to find lines of text.";
      if (all.length > 0) {
        made.append(element("div", { class: "strips", tabindex: 0, role: "group", "aria-label": "Straightened text" }, ...pictures));
      }
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      note.textContent = error.problem.detail;
    }
  };
  made.addEventListener("toggle", () => void show());
  return made;
}

function facts(found: Found): HTMLDListElement {
  const { stamp } = found;
  const [x1, y1, x2, y2] = stamp.box;
  const size =
    stamp.width_mm !== null && stamp.height_mm !== null
      ? `${stamp.width_mm.toFixed(0)} × ${stamp.height_mm.toFixed(0)} mm`
      : `${Math.round(x2 - x1)} × ${Math.round(y2 - y1)} px`;
  const ink = stamp.ink_colour ?? "unknown";
  const rows: [string, string, string][] = [
    ["Score", stamp.score.toFixed(2), ""],
    ["Type", stamp.type, ""],
    ["Ink", ink, `swatch ink-${ink}`],
    ["Rotation", `${Math.round(stamp.angle_degrees)}°`.replace("-", "−"), ""],
    ["Size", size, ""],
    ["Die", "", "die-value"],
  ];
  if (stamp.source !== "page") rows.push(["Shown by", stamp.source === "annotation" ? "an annotation, no ink" : "a signature field, no ink", ""]);
  const list = element("dl", { class: "facts" });
  for (const [term, value, kind] of rows) {
    list.append(element("div", {}, element("dt", {}, term), element("dd", { class: kind || null }, value)));
  }
  return list;
}
