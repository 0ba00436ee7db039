/**
 * Reads the output of a program while it runs.
 *
 * @module
 */

/** Reads one of a process's streams. */
export class Listener {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  /**
   * Waits for a text.
   *
   * @throws {Error} If the stream ends without it.
   */
  async hear(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#text)) {
      if (!await this.#more()) throw new Error(`It ended after "${this.#text.trim()}".`);
    }
  }

  /** The whole output, up to its end. */
  async all(): Promise<string> {
    while (await this.#more());
    return this.#text;
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    this.#text += value ?? "";
    return !done;
  }
}
