/**
 * Another network namespace, to move interfaces into.
 *
 * @module
 */

import { sleep } from "../../../ffi/mod.ts";

/** A process in a network namespace of its own, until it is disposed of. */
export class OtherNamespace implements Disposable {
  readonly #process: Deno.ChildProcess;

  constructor() {
    this.#process = new Deno.Command("unshare", {
      args: ["--net", "sleep", "20"],
      stdin: "null",
    }).spawn();
    const namespaceOf = (pid: number) => Deno.readLinkSync(`/proc/${pid}/ns/net`);
    while (namespaceOf(this.pid) === namespaceOf(Deno.pid)) sleep(1);
  }

  /** The process, by whose id ip(8) finds the namespace. */
  get pid(): number {
    return this.#process.pid;
  }

  [Symbol.dispose](): void {
    this.#process.kill("SIGKILL");
  }
}
