// Steps that can be undone, and done again until something else is done.

/** One step, as the state of one thing before and after. */
export interface Step<K, V> {
  key: K;
  before: V;
  after: V;
}

export class History<K, V> {
  readonly #done: Step<K, V>[] = [];
  readonly #undone: Step<K, V>[] = [];

  push(step: Step<K, V>): void {
    this.#done.push(step);
    this.#undone.length = 0;
  }

  /** The step to take back. */
  undo(): Step<K, V> | undefined {
    const step = this.#done.pop();
    if (step) this.#undone.push(step);
    return step;
  }

  /** The step to take again. */
  redo(): Step<K, V> | undefined {
    const step = this.#undone.pop();
    if (step) this.#done.push(step);
    return step;
  }

  get canUndo(): boolean {
    return this.#done.length > 0;
  }

  get canRedo(): boolean {
    return this.#undone.length > 0;
  }
}
