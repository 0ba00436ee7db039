/**
 * fdpass, as a program:
 *
 *     sudo deno run -A main.ts veth-fdpass
 *
 * An older Deno cannot load the rest, and says nothing useful about it. So this file first looks at
 * the version. It then loads the rest by a computed address, because Deno fetches and parses every
 * module with a constant address before it runs the first line.
 *
 * @module
 */

import { denoTooOld } from "./lib/host/deno_version.ts";

/** The exit status where the question cannot be answered, and that of a defect: `Exit`. */
const INCONCLUSIVE = 4, DEFECT = 70;

/** How Deno begins the message of a module or a package that it could not read or fetch. */
const NOT_READ = /^(Import '|Module not found|Failed caching npm package|npm package not found)/;

/**
 * The main program of the parent: `lib/cli/main.ts`.
 *
 * @param args The command line.
 * @param childModule The child's main module, a `file:` URL, if not that of its experiment.
 * @returns The exit status.
 */
export async function main(args: readonly string[], childModule?: string): Promise<number> {
  const loading = new AbortController();
  const { signal } = loading;
  globalThis.addEventListener("error", ({ error }) => endAsDefect(error), { signal });
  globalThis.addEventListener("unhandledrejection", ({ reason }) => endAsDefect(reason), {
    signal,
  });
  const tooOld = denoTooOld(Deno.version.deno);
  if (tooOld !== undefined) return refuse(tooOld, INCONCLUSIVE);
  const rest = new URL("lib/cli/main.ts", import.meta.url).href;
  let program: typeof import("./lib/cli/main.ts");
  try {
    program = await import(rest);
  } catch (error) {
    const { message, stack } = error as Error;
    if (!NOT_READ.test(message)) return refuse(stack ?? message, DEFECT);
    const reason = message.replace(/\n +at .*$/s, "").replaceAll(/\.?\s*\n\s*\d+: /g, ": ");
    const remedy = message.includes("npm package") ? " (the first run needs a network)" : "";
    return refuse(reason + remedy, INCONCLUSIVE);
  }
  loading.abort(); // the rest has listeners of its own, which also write the views
  return await program.main(args, childModule);
}

/**
 * Ends the program after an error that nothing has caught, such as one of a timer. Deno itself
 * would exit with 1, and that is FAIL.
 */
function endAsDefect(error: unknown): never {
  const words = error instanceof Error ? error.stack ?? error.message : String(error);
  Deno.exit(refuse(`fdpass itself failed: ${words}`, DEFECT));
}

function refuse(message: string, status: number): number {
  Deno.stderr.writeSync(new TextEncoder().encode(`fdpass: ${message}\n`));
  return status;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
