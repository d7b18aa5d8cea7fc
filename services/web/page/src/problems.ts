// What went wrong, in words, with a way to go on.

import { byId, element } from "./dom.ts";
import type { Problem } from "./types.ts";

export class ProblemPanel {
  readonly #panel = byId("problem", HTMLElement);
  readonly #retry = byId("problem-retry", HTMLButtonElement);
  #counting: ReturnType<typeof setInterval> | undefined;

  constructor(retry: () => void) {
    this.#retry.addEventListener("click", retry);
    byId("problem-close", HTMLButtonElement).addEventListener("click", () => this.hide());
  }

  hide(): void {
    clearInterval(this.#counting);
    this.#panel.hidden = true;
  }

  /** `canRetry` where sending the same again may help. */
  show(problem: Problem, canRetry: boolean): void {
    clearInterval(this.#counting);
    byId("problem-title", HTMLElement).textContent = title(problem);
    byId("problem-detail", HTMLElement).textContent = sentence(problem.detail);
    const others = problem.violations.filter(({ description }) => !problem.detail.includes(description));
    byId("problem-violations", HTMLElement).replaceChildren(
      ...others.map(({ field, description }) => element("li", {}, `${field}: ${description}`)),
    );
    byId("problem-id", HTMLElement).textContent = problem.request_id ? `Request ${problem.request_id}` : "";
    this.#retry.hidden = !canRetry;
    this.#panel.hidden = false;
    this.#countDown(canRetry ? (problem.retry_after_s ?? 0) : 0);
    this.#panel.focus();
  }

  /** The button waits as long as the service asks for. */
  #countDown(seconds: number): void {
    const end = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      this.#retry.disabled = left > 0;
      this.#retry.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
      if (left <= 0) clearInterval(this.#counting);
    };
    tick();
    if (this.#retry.disabled) this.#counting = setInterval(tick, 250);
  }
}

function title(problem: Problem): string {
  const titles: Record<number, string> = {
    400: "This document cannot be read",
    401: "A token is needed",
    403: "You may not do this here",
    408: "The upload was too slow",
    413: "This document is too large",
    422: "The service does not take this",
    429: "The service is busy",
    500: "The service has failed",
    503: "The service is not ready",
    504: "It took too long",
  };
  if (problem.violations.some(({ field }) => field === "pages")) return "These pages are not there";
  return titles[problem.status] ?? problem.title;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

/** Whether the same request may be answered later. */
export function mayRetry(problem: Problem): boolean {
  return [0, 401, 408, 429, 500, 502, 503, 504].includes(problem.status);
}

/** Whether a password is what lacks; HTTP names the document as the field at fault. */
export function asksForPassword(problem: Problem): boolean {
  return problem.status === 400 && /\bpassword\b/.test(problem.detail);
}
