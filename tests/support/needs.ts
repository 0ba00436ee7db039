/**
 * Tests that need more than Deno. Without it they are skipped, and their names say what to install.
 *
 * @module
 */

import { which } from "../../scripts/which.ts";

export { which };

/** What a test needs. */
export interface Needs {
  /** Root, with all capabilities. */
  readonly root?: boolean;
  /** Programs by name, each with its package, such as `{ strace: "strace" }`. */
  readonly programs?: Readonly<Record<string, string>>;
}

function missing({ root = false, programs = {} }: Needs): string | undefined {
  if (root && Deno.uid() !== 0) return "needs root: scripts/netns.sh test";
  const absent = Object.keys(programs).filter((program) => which(program) === undefined);
  if (absent.length === 0) return undefined;
  return `needs ${absent.join(", ")}: apt-get install ${
    absent.map((name) => programs[name]).join(" ")
  }`;
}

/**
 * Registers a test. If its needs are not met it is ignored, and its name says why.
 *
 * @returns Whether its needs are met.
 */
export function testNeeding(
  needs: Needs,
  name: string,
  test: () => void | Promise<void>,
): boolean {
  const reason = missing(needs);
  Deno.test({
    name: reason === undefined ? name : `${name} # SKIP ${reason}`,
    ignore: reason !== undefined,
    fn: test,
  });
  return reason === undefined;
}
