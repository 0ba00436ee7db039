/**
 * Tests that need more than Deno: they run where it is there, and elsewhere say what is missing and how to get it.
 *
 * @module
 */

import { which } from "../../scripts/which.ts";

export { which };

/** What a test needs. */
export interface Needs {
  /** To be root, with the capabilities of root. */
  readonly root?: boolean;
  /** Programs, by name; each with the package to install, such as `{ strace: "strace" }`. */
  readonly programs?: Readonly<Record<string, string>>;
}

function missing({ root = false, programs = {} }: Needs): string | undefined {
  if (root && Deno.uid() !== 0) return "needs root: sudo scripts/netns.sh test";
  const absent = Object.keys(programs).filter((program) => which(program) === undefined);
  if (absent.length === 0) return undefined;
  return `needs ${absent.join(", ")}: apt-get install ${
    absent.map((name) => programs[name]).join(" ")
  }`;
}

/** Registers a test; one whose needs are not met is ignored, and its name says why. */
export function testNeeding(needs: Needs, name: string, test: () => void | Promise<void>): void {
  const reason = missing(needs);
  Deno.test({
    name: reason === undefined ? name : `${name} # SKIP ${reason}`,
    ignore: reason !== undefined,
    fn: test,
  });
}
