/**
 * errno for wrappers around the tool's calls, which must leave it as the call has set it.
 *
 * @module
 */

/** errno of JavaScript's thread, by a separate handle on libc: the tool's own has the wrappers. */
export class ErrnoSlot {
  /** The errno that was read last, or is to be written. */
  value = 0;
  readonly #copy = new Int32Array(1);
  readonly #symbols = Deno.dlopen("libc.so.6", {
    __errno_location: { parameters: [], result: "pointer" },
    read: { name: "memcpy", parameters: ["buffer", "pointer", "usize"], result: "void" },
    write: { name: "memcpy", parameters: ["pointer", "buffer", "usize"], result: "void" },
  }).symbols;
  // SAFETY: the location belongs to this thread, and lives as long as it does.
  readonly #location = this.#symbols.__errno_location()!;

  constructor() {
    this.read(); // the first call of each function binds it
    this.write();
  }

  /** Reads errno. Correct only directly after a call. */
  read(): number {
    this.#symbols.read(this.#copy, this.#location, 4n);
    return this.value = this.#copy[0];
  }

  /** Writes {@linkcode value} to errno. */
  write(): void {
    this.#copy[0] = this.value;
    this.#symbols.write(this.#location, this.#copy, 4n);
  }
}
