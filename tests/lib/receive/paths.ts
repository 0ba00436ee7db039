/**
 * Registers one test for each receive path. On a kernel without the path the test is ignored, and
 * its name gives the reason.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { RECEIVE_PATHS, type ReceivePath, whyUnavailable } from "../../../lib/receive/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { inNamespace, ROOT } from "../../support/programs.ts";

/** Every receive path. */
export const PATHS = Object.keys(RECEIVE_PATHS) as ReceivePath[];

/** Registers a test of one receive path. It needs root and a veth pair. */
export function pathTest(path: ReceivePath, criterion: string, test: () => Promise<void>): void {
  const reason = whyUnavailable(path);
  const name = `${path} ${criterion}`;
  if (reason === undefined) {
    testNeeding({ root: true, programs: { ip: "iproute2", setpriv: "util-linux" } }, name, test);
  } else Deno.test.ignore(`${name} # SKIP ${reason}`, test);
}

/** The receive paths that this kernel has. */
export const AVAILABLE = PATHS.filter((path) => whyUnavailable(path) === undefined);

/**
 * Registers one test for all receive paths that this kernel has: a program of `programs/`, whose
 * last argument is {@linkcode AVAILABLE} in JSON, prints the result of each by its name.
 *
 * @param args The program's other arguments.
 * @param expected The result of a path.
 */
export function allPathsTest(
  criterion: string,
  program: string,
  args: readonly string[],
  expected: (path: ReceivePath) => unknown,
): void {
  testNeeding(
    { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } },
    `Every receive path ${criterion}`,
    async () => {
      assertEquals(
        await resultInNamespace(program, [...args, JSON.stringify(AVAILABLE)]),
        Object.fromEntries(AVAILABLE.map((path) => [path, expected(path)])),
      );
    },
  );
}

/**
 * Runs a program of `programs/` in a namespace with a veth pair, and returns the JSON that it
 * prints.
 *
 * @param args The program's arguments, the receive path first.
 * @param flags Flags for Deno.
 */
export async function resultInNamespace(
  program: string,
  args: readonly string[],
  flags: readonly string[] = [],
  // deno-lint-ignore no-explicit-any
): Promise<any> {
  const { code, stdout, stderr } = await inNamespace([
    ...[Deno.execPath(), "run", "-A", "--quiet", ...flags],
    ...[`${ROOT}/tests/lib/receive/programs/${program}`, ...args],
  ], { timeout: 300_000 });
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return JSON.parse(stdout);
}
