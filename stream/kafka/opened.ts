/** What must be closed. */
interface Closeable {
  close(): Promise<void>;
}

/** All that a stage has opened, to be closed at its end, newest first; what opens too late is closed at once. */
export class Opened {
  readonly #all: Closeable[] = [];
  #closed = false;

  async add<T extends Closeable>(opening: Promise<T>): Promise<T> {
    const one = await opening;
    if (!this.#closed) {
      this.#all.push(one);
      return one;
    }
    await one.close();
    throw new Error("the stage has ended");
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const one of this.#all.splice(0).reverse()) await one.close();
  }
}
