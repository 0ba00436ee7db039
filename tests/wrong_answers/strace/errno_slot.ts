/**
 * errno, for those who stand round the tool's calls: what a call has left there must be there still when they are done.
 *
 * @module
 */

/** errno of the thread that JavaScript runs on, by a door to libc of its own: the tool's has the wrappers. */
export class ErrnoSlot {
  /** What was there last, or is to be there. */
  value = 0;
  readonly #copy = new Int32Array(1);
  readonly #symbols = Deno.dlopen("libc.so.6", {
    __errno_location: { parameters: [], result: "pointer" },
    read: { name: "memcpy", parameters: ["buffer", "pointer", "usize"], result: "void" },
    write: { name: "memcpy", parameters: ["pointer", "buffer", "usize"], result: "void" },
  }).symbols;
  // SAFETY: of this thread, and there as long as it lives.
  readonly #location = this.#symbols.__errno_location()!;

  constructor() {
    this.read(); // the first call of each binds it
    this.write();
  }

  /** Takes what is there. Right only in the very next step after a call. */
  read(): number {
    this.#symbols.read(this.#copy, this.#location, 4n);
    return this.value = this.#copy[0];
  }

  /** Puts {@linkcode value} there. */
  write(): void {
    this.#copy[0] = this.value;
    this.#symbols.write(this.#location, this.#copy, 4n);
  }
}
