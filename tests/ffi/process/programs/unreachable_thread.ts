/**
 * Makes a call on every thread while one blocks signal 33; prints the errors of two attempts.
 *
 * @module
 */

import { callOnEveryThread } from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

function attempt(): string {
  try {
    callOnEveryThread("getppid");
    return "made";
  } catch (error) {
    return String(error).replace(/\d+/, "N");
  }
}

const worker = new Worker(import.meta.resolve("./blocking_worker.ts"), { type: "module" });
await new Promise((resolve) => worker.onmessage = resolve);
const started = performance.now();
const errors = [attempt(), attempt()];
printJson({ errors, seconds: (performance.now() - started) / 1000 });
Deno.exit();
