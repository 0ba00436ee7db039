/**
 * Tests that need an io_uring. Where none can be created they are ignored, and their names give the
 * reason.
 *
 * @module
 */

import { IoUring, SystemError } from "../../../ffi/mod.ts";

function whyNot(): string | undefined {
  try {
    new IoUring().close();
    return undefined;
  } catch (error) {
    if (error instanceof SystemError) return error.message;
    throw error;
  }
}

const reason = whyNot();

/** Registers a test that needs an io_uring. */
export function ringTest(name: string, test: () => void | Promise<void>): void {
  Deno.test({
    name: reason === undefined ? name : `${name} # SKIP ${reason}`,
    ignore: reason !== undefined,
    fn: test,
  });
}
