// A question with one secret as its answer: the password of a document, or a token.

import { byId } from "./dom.ts";

interface Question {
  title: string;
  text: string;
  label: string;
}

/** What was typed; null where the person turned away. */
export function ask(question: Question): Promise<string | null> {
  const dialog = byId("ask", HTMLDialogElement);
  const input = byId("ask-input", HTMLInputElement);
  byId("ask-title", HTMLElement).textContent = question.title;
  byId("ask-text", HTMLElement).textContent = question.text;
  byId("ask-label", HTMLElement).textContent = question.label;
  input.value = "";
  dialog.returnValue = "";
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        resolve(dialog.returnValue === "ok" && input.value !== "" ? input.value : null);
        input.value = "";
      },
      { once: true },
    );
    dialog.showModal();
    input.focus();
  });
}
