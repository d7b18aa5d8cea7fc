// Pictures of pages: of those that a browser can draw the file itself, of others what the service draws.

import { Failed, type Api } from "./api.ts";
import { bytesOf } from "./dom.ts";
import { mayRetry } from "./problems.ts";
import type { State } from "./state.ts";
import type { PictureRow } from "./types.ts";

const SIDE_PX = 1600; // of a picture at first; a page that is looked at closely comes in full
const FULL_SIDE_PX = 6000;
const AHEAD = 24; // pages that one call draws: each sends the document once more
const KEPT = 240;
const PAUSE_S = 3; // after a call that failed and says nothing of when to come again

export interface Picture {
  readonly url: string;
  readonly width: number;
  readonly height: number;
  /** Whether there is no larger one. */
  readonly isFull: boolean;
}

export class Pictures {
  readonly #pictures = new Map<number, Picture>(); // those used last come last
  readonly #asked = new Set<number>();
  readonly #closely = new Set<number>();
  readonly #failed = new Map<number, string>();
  #refused: string | undefined; // why the service draws nothing of this document
  #isPaused = false;
  #isStarting = false;
  #stopping = new AbortController();
  #isDrawable = true; // until the file is known not to be: nothing is asked of the service before

  constructor(
    private readonly api: Api,
    private readonly state: State,
  ) {}

  /** Starts with a file: its own picture where the browser draws it, else the first pages from the service. */
  async open(file: File): Promise<void> {
    this.close();
    const { signal } = this.#stopping;
    this.#isDrawable = true;
    const own = (await isDrawable(file)) ? await measured(file, true) : null;
    if (signal.aborted) return;
    this.#isDrawable = own !== null;
    if (own) {
      this.state.pageCount = 1;
      this.#keep(0, own);
    }
  }

  close(): void {
    this.#stopping.abort();
    this.#stopping = new AbortController();
    for (const { url } of this.#pictures.values()) URL.revokeObjectURL(url);
    for (const known of [this.#pictures, this.#asked, this.#closely, this.#failed]) known.clear();
    this.#refused = undefined;
    this.#isPaused = this.#isStarting = false;
  }

  /** Why there is none, where the service has said so. */
  failure(page: number): string | undefined {
    return this.#failed.get(page) ?? (this.#pictures.has(page) ? undefined : this.#refused);
  }

  get(page: number): Picture | undefined {
    const picture = this.#pictures.get(page);
    if (picture) {
      this.#pictures.delete(page);
      this.#pictures.set(page, picture);
    }
    return picture;
  }

  /** Drops the browser's own picture where the service counts other pixels, such as of a turned photograph. */
  check(page: number, width: number, height: number): void {
    const picture = this.#pictures.get(page);
    if (!this.#isDrawable || !picture || (picture.width === width && picture.height === height)) return;
    this.#isDrawable = false;
    this.#pictures.delete(page);
    URL.revokeObjectURL(picture.url);
    this.want([page]);
  }

  /** Has these pages drawn, and those after them, where nobody has asked yet. `pages` is what there is, in order. */
  want(pages: number[]): void {
    const missing = pages.filter((page) => !this.#pictures.has(page) && !this.#asked.has(page));
    const waits = this.#isStarting || this.#isPaused || this.#refused !== undefined;
    if (this.#isDrawable || waits || missing.length === 0) return;
    const batch = missing.slice(0, AHEAD);
    for (const page of batch) this.#asked.add(page);
    void this.#draw(ranges(batch), SIDE_PX);
  }

  /**
   * The first `most` of the pages that the person has asked for, before they are known. Drawing takes time from the
   * analysis: one page is enough until that has begun.
   */
  wantFirst(most = AHEAD): void {
    if (this.#isDrawable) return;
    const { signal } = this.#stopping;
    this.#isStarting = true; // which pages it draws is known as they come
    void this.#draw(this.state.options.pages, SIDE_PX, most).finally(() => {
      if (signal.aborted) return;
      this.#isStarting = false;
      this.state.changed("pictures");
    });
  }

  /** A page in all its pixels, for who looks closely. */
  wantClosely(page: number): void {
    if (this.#pictures.get(page)?.isFull !== false || this.#closely.has(page)) return;
    this.#closely.add(page);
    void this.#draw(String(page + 1), FULL_SIDE_PX);
  }

  async #draw(pages: string, side: number, most = AHEAD): Promise<void> {
    const { file, options } = this.state;
    const { signal } = this.#stopping;
    if (!file) return;
    const call = new AbortController();
    const ending = AbortSignal.any([signal, call.signal]);
    let drawn = 0;
    try {
      for await (const row of this.api.pages(file, options, pages, side, ending)) {
        await this.#add(row, side, signal);
        if (++drawn >= most) break;
      }
    } catch (error) {
      if (!signal.aborted) this.#onFailed(error, signal);
    } finally {
      call.abort();
    }
  }

  /** What may be answered later is asked for again, after a while. */
  #onFailed(error: unknown, signal: AbortSignal): void {
    if (!(error instanceof Failed)) throw error;
    const { problem } = error;
    if (!mayRetry(problem)) this.#refused = problem.detail;
    this.#asked.clear();
    this.#closely.clear();
    this.#isPaused = true;
    setTimeout(() => {
      if (signal.aborted) return;
      this.#isPaused = false;
      this.state.changed("pictures");
    }, (problem.retry_after_s ?? PAUSE_S) * 1000);
  }

  async #add(row: PictureRow, side: number, signal: AbortSignal): Promise<void> {
    this.#asked.add(row.page);
    if (row.jpeg === null) {
      this.#failed.set(row.page, row.error?.detail ?? "");
    } else {
      const blob = new Blob([bytesOf(row.jpeg)], { type: "image/jpeg" });
      const whole = row.width !== null && row.height !== null && Math.max(row.width, row.height) <= side;
      const picture = await measured(blob, whole || side === FULL_SIDE_PX);
      if (signal.aborted || !picture) return;
      this.#keep(row.page, picture);
    }
    if (this.state.pageCount === null) {
      this.state.pageCount = row.page_count;
      this.state.changedSoon("progress");
    }
    this.state.changedSoon("pictures");
  }

  #keep(page: number, picture: Picture): void {
    const before = this.#pictures.get(page);
    if (before) URL.revokeObjectURL(before.url);
    this.#pictures.delete(page);
    this.#pictures.set(page, picture);
    for (const [oldest, { url }] of this.#pictures) {
      if (this.#pictures.size <= KEPT) break;
      URL.revokeObjectURL(url);
      this.#pictures.delete(oldest);
      this.#asked.delete(oldest);
    }
  }
}

/** "1-3,7" of 0, 1, 2, 6. */
function ranges(pages: number[]): string {
  const found: [number, number][] = [];
  for (const page of [...pages].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && last[1] === page - 1) last[1] = page;
    else found.push([page, page]);
  }
  return found.map(([from, to]) => (from === to ? `${from + 1}` : `${from + 1}-${to + 1}`)).join(",");
}

/** Whether a browser draws this kind of file itself, as one page: JPEG, PNG, WebP or BMP, told by their first bytes. */
async function isDrawable(file: File): Promise<boolean> {
  const bytes = await file.slice(0, 16).arrayBuffer().catch(() => new ArrayBuffer(0)); // it may have been moved
  const head = String.fromCharCode(...new Uint8Array(bytes));
  const kinds = [/^\xff\xd8\xff/, /^\x89PNG\r\n\x1a\n/, /^RIFF....WEBP/s, /^BM/];
  return kinds.some((kind) => kind.test(head));
}

/** A picture with its size, once it can be shown; null where it cannot. */
async function measured(blob: Blob, isFull: boolean): Promise<Picture | null> {
  const url = URL.createObjectURL(blob);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    return { url, width: image.naturalWidth, height: image.naturalHeight, isFull };
  } catch {
    URL.revokeObjectURL(url);
    return null;
  }
}
