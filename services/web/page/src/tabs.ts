// The two sides of the panel: stamps of the page, and how alike all of them are.

import { byId } from "./dom.ts";

const NAMES = ["stamps", "alike"] as const;
type Name = (typeof NAMES)[number];

export class Tabs {
  constructor() {
    for (const name of NAMES) {
      const tab = byId(`tab-${name}`, HTMLButtonElement);
      tab.addEventListener("click", () => this.show(name));
      tab.addEventListener("keydown", (event) => {
        if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
        event.stopPropagation();
        this.show(name === "stamps" ? "alike" : "stamps");
      });
    }
  }

  /** Shows one, and goes to its tab. */
  show(shown: Name): void {
    for (const name of NAMES) {
      const tab = byId(`tab-${name}`, HTMLButtonElement);
      tab.setAttribute("aria-selected", String(name === shown));
      tab.tabIndex = name === shown ? 0 : -1;
      byId(`panel-${name}`, HTMLElement).hidden = name !== shown;
      if (name === shown) tab.focus();
    }
  }
}
