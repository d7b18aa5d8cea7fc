// What each key does; the help dialog of index.html lists them.

import type { CompareDialog } from "./compare.ts";
import { byId } from "./dom.ts";
import type { Preview } from "./preview.ts";
import type { Redraw } from "./redraw.ts";
import type { Review } from "./review.ts";
import type { Found, State } from "./state.ts";
import type { Strip } from "./strip.ts";
import type { Tabs } from "./tabs.ts";
import type { Upload } from "./upload.ts";
import type { Viewer } from "./viewer.ts";

interface Parts {
  state: State;
  viewer: Viewer;
  preview: Preview;
  strip: Strip;
  redraw: Redraw;
  review: Review;
  comparison: CompareDialog;
  tabs: Tabs;
  upload: Upload;
}

export function listenToKeys(parts: Parts): void {
  const keys = documentKeys(parts);
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || isForTheField(event)) return;
    if (isHandled(parts, keys, event)) event.preventDefault();
  });
}

/** Those of a document that is shown. */
function documentKeys({ state, viewer, preview, strip, redraw, review, comparison, tabs }: Parts): Map<string, () => void> {
  const show = (found: Found | null) => found && viewer.focusBox(found);
  return new Map<string, () => void>([
    ["a", () => show(review.decide("accepted"))],
    ["r", () => show(review.decide("rejected"))],
    ["e", () => state.selected && redraw.start(state.selected)],
    ["c", () => state.selected && comparison.open(state.selected)],
    ["n", () => show(review.go(1))],
    ["p", () => show(review.go(-1))],
    ["u", () => review.step("undo")],
    ["y", () => review.step("redo")],
    ["w", () => preview.toggle()],
    ["s", () => tabs.show("stamps")],
    ["m", () => tabs.show("alike")],
    ["PageDown", () => strip.turn(1)],
    ["PageUp", () => strip.turn(-1)],
    ["Escape", () => state.select(null)],
  ]);
}

function isHandled(parts: Parts, keys: Map<string, () => void>, event: KeyboardEvent): boolean {
  const { state, viewer, redraw, review, upload } = parts;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    if (state.file === null || !["z", "y"].includes(key)) return false;
    review.step(key === "y" || event.shiftKey ? "redo" : "undo");
    return true;
  }
  if (key === "?") byId("help", HTMLDialogElement).showModal();
  else if (key === "o") upload.show();
  else if (state.file === null) return false;
  else if (upload.isShown) {
    if (key !== "Escape") return false;
    upload.hide();
  } else if (redraw.isActive) return redraw.key(event);
  else if (keys.has(key) && !event.altKey) keys.get(key)?.();
  else return isOfTheStage(viewer, event) && viewer.key(event);
  return true;
}

/** What is typed into a field is the field's; letters beside a slider are not. */
function isForTheField(event: KeyboardEvent): boolean {
  const target = event.target as Element;
  if (target.matches("input[type=range]")) return !/^[a-z?]$/i.test(event.key);
  return target.matches("input, select, textarea");
}

/** Arrows scroll what else has the focus; + - 0 are the page's wherever it is. */
function isOfTheStage(viewer: Viewer, event: KeyboardEvent): boolean {
  const target = event.target as Element;
  return !event.key.startsWith("Arrow") || viewer.stage.contains(target) || target === document.body;
}
