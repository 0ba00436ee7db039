/**
 * Programs with which a test exchanges lines while it inspects them from outside.
 *
 * @module
 */

import { run } from "./programs.ts";

/** The time after which a program is killed, in milliseconds. */
const LIMIT = 60_000;

/** Starts a program whose standard input and output are pipes. */
export function start([program, ...args]: readonly string[]): Deno.ChildProcess {
  const signal = AbortSignal.timeout(LIMIT);
  return new Deno.Command(program, { args, stdin: "piped", stdout: "piped", signal }).spawn();
}

/** Waits for the next output of a program. */
export async function nextWords(child: Deno.ChildProcess): Promise<string> {
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return new TextDecoder().decode(value);
}

/** Sends a program a line. */
export async function sendLine(child: Deno.ChildProcess): Promise<void> {
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("\n"));
  writer.releaseLock();
}

/** Closes the input of a program, and waits for its end. */
export async function end(child: Deno.ChildProcess): Promise<number> {
  await child.stdin.close();
  await child.stdout.cancel();
  return (await child.status).code;
}

/**
 * Compiles a program of `programs/`, and removes the result after use.
 *
 * @param source Its source, in C or assembly.
 * @param options Those of the compiler.
 */
export async function withCompiled(
  source: string,
  use: (program: string) => Promise<void>,
  options: readonly string[] = ["-O1", "-Wall", "-Werror", "-pthread"],
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const program = `${folder}/${source.replace(/\.[cS]$/, "")}`;
    const path = new URL(`./programs/${source}`, import.meta.url).pathname;
    const { code, stderr } = await run(["cc", ...options, "-o", program, path]);
    if (code !== 0) throw new Error(stderr);
    await use(program);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
