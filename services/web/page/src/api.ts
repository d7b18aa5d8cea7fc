// Calls of HTTP, relative to where the page is, so that a proxy may put it below any path.

import type { Comparison, Line, Model, Options, PictureRow, Problem } from "./types.ts";

/** A call that failed, with what to do next. */
export class Failed extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

/** Asks for a token; null when there will be none. */
export type AskToken = () => Promise<string | null>;

export class Api {
  #token: string | null = null; // in memory only: it is gone with the page
  #asking: Promise<string | null> | null = null;

  constructor(private readonly askToken: AskToken) {}

  async models(): Promise<Model[]> {
    const response = await this.#call("v1/models", {});
    return ((await response.json()) as { models: Model[] }).models;
  }

  /** The lines of a document, as they come; each stamp with what is included. */
  async *analyze(
    file: File,
    options: Options,
    minScore: number,
    included: Record<string, boolean>,
    signal: AbortSignal,
  ): AsyncGenerator<Line> {
    const form = documentForm(file, options);
    form.set("preset", options.preset);
    form.set("min_score", String(minScore));
    for (const [name, isIncluded] of Object.entries(included)) form.set(`include_${name}`, String(isIncluded));
    let isOver = false;
    for await (const line of this.#lines<Line>("v1/analyze", form, signal)) {
      isOver = line.type === "document" || line.type === "problem";
      yield line;
    }
    if (!isOver) throw new Failed(CUT);
  }

  /** Pictures of these pages, which are named as in the options, each at most so large. */
  pages(file: File, options: Options, pages: string, maxSide: number, signal: AbortSignal): AsyncGenerator<PictureRow> {
    const form = documentForm(file, { ...options, pages });
    form.set("max_side", String(maxSide));
    return this.#lines<PictureRow>("v1/pages", form, signal);
  }

  async compare(a: Blob, b: Blob, preset: string, signal: AbortSignal): Promise<Comparison> {
    const form = new FormData();
    form.set("a", a, "a.png");
    form.set("b", b, "b.png");
    form.set("preset", preset);
    form.set("include_overlay", "true");
    const response = await this.#call("v1/compare", { method: "POST", body: form, signal });
    return (await response.json()) as Comparison;
  }

  async *#lines<T>(path: string, form: FormData, signal: AbortSignal): AsyncGenerator<T> {
    const headers = { accept: "application/x-ndjson" };
    const response = await this.#call(path, { method: "POST", body: form, headers, signal });
    if (response.body === null) throw new Failed(CUT);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parts: string[] = []; // of a line that has not ended: they are long, and come in many
    try {
      while (true) {
        const { done, value } = await reader.read();
        if (done) return;
        const pieces = value.split("\n");
        parts.push(pieces[0] ?? "");
        for (const piece of pieces.slice(1)) {
          yield JSON.parse(parts.join("")) as T;
          parts.length = 0;
          parts.push(piece);
        }
      }
    } catch (error) {
      throw signal.aborted || error instanceof Failed ? error : new Failed(CUT);
    } finally {
      void reader.cancel().catch(() => undefined);
    }
  }

  /** Asks once where several calls find out at the same time that they need one. */
  async #ask(): Promise<void> {
    this.#asking ??= this.askToken().finally(() => (this.#asking = null));
    this.#token = await this.#asking;
  }

  /** Raises Failed, or the signal's reason. */
  async #call(path: string, init: RequestInit): Promise<Response> {
    while (true) {
      const headers = new Headers(init.headers);
      if (this.#token !== null) headers.set("authorization", `Bearer ${this.#token}`);
      let response: Response;
      try {
        response = await fetch(path, { ...init, headers, credentials: "same-origin", cache: "no-store" });
      } catch (error) {
        if (init.signal?.aborted) throw error;
        throw new Failed(navigator.onLine ? UNREACHABLE : OFFLINE);
      }
      if (response.ok) return response;
      if (response.status === 401) {
        const used = headers.get("authorization");
        if (this.#token === null || used === `Bearer ${this.#token}`) await this.#ask();
        if (this.#token !== null) continue;
      }
      throw new Failed(await problemOf(response));
    }
  }
}

function documentForm(file: File, options: Options): FormData {
  const form = new FormData();
  form.set("file", file, file.name);
  if (options.pages) form.set("pages", options.pages);
  if (options.password) form.set("password", options.password);
  return form;
}

async function problemOf(response: Response): Promise<Problem> {
  if (response.headers.get("content-type")?.startsWith("application/problem+json")) {
    return (await response.json()) as Problem;
  }
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  return own(
    `The server answered with status ${response.status}`,
    "Something before the service refused the request, such as a proxy. Ask whoever runs it, or try again later.",
    response.status,
    Number.isFinite(seconds) ? seconds : null,
  );
}

function own(title: string, detail: string, status = 0, retryAfterS: number | null = null): Problem {
  return { title, detail, status, request_id: "", violations: [], retry_after_s: retryAfterS };
}

const OFFLINE = own("You are offline", "This computer has no network connection. Connect it, then try again.");
const UNREACHABLE = own(
  "The service does not answer",
  "It may have stopped, the document may be larger than it takes or have been moved, or the connection was lost. Try again.",
);
const CUT = own(
  "The answer was cut short",
  "The connection was lost before the document was done. What had come by then is shown; try again for the rest.",
);
