// Elements, made and found. Text is always set as text: what a document says is never HTML.

type Attributes = Record<string, string | number | boolean | null | undefined>;

/** A new element; an attribute that is false, null or undefined is left out. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}

/** A button that does something. */
export function button(label: string, attributes: Attributes, onClick: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", onClick);
  return made;
}

/** The element of the page that has this id, which must be of that kind. */
export function byId<T extends Element>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`#${id} is no ${kind.name}`);
  return found;
}

/** Bytes of base64. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
}

/** For an image of the page's own. */
export function pngUrl(base64: string): string {
  return `data:image/png;base64,${base64}`;
}

/** Hands a text to the browser as a download. */
export function download(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = element("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** A name for a download: of what a document is called, only what every file system takes. */
export function safeName(name: string, suffix: string): string {
  const stem = name
    .replace(/\.[^.]*$/, "")
    .normalize("NFC")
    .replace(/[^\p{L}\p{N}_ -]+/gu, "-")
    .replace(/^[-\s]+|[-\s]+$/g, "")
    .slice(0, 80);
  return `${stem || "document"}${suffix}`;
}

const status = () => byId("status", HTMLElement);

/** Says something to those who listen to the page. */
export function announce(text: string): void {
  status().textContent = text;
}

/** "1 stamp", "2 stamps". */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
