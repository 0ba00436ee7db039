/**
 * Prints the credentials of programs that the launchers of this process start: with the default
 * launcher, with that of a hardened worker, and of one that the former has as uid 0.
 *
 * @module
 */

import { defaultLauncher, launchBounding, launcherFor } from "../../../../lib/confine/launcher.ts";
import { ALL_PROTECTIONS } from "../../../../lib/confine/protections.ts";

const SHOWN = ["grep", "-E", "^(Uid|Cap|NoNewPrivs)", "/proc/self/status"];

function statusAfter(words: readonly string[]): Record<string, string> {
  const [program, ...args] = [...words, ...SHOWN];
  const { stdout } = new Deno.Command(program, { args }).outputSync();
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.split(/:\s+/)));
}

const asRoot = ["setpriv", "--reuid=0", "--"];
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({
  usual: statusAfter(defaultLauncher()),
  usualAsRoot: statusAfter([...defaultLauncher(), ...asRoot]),
  hardened: statusAfter(launcherFor({ uid: 65534, gid: 65534 }, ALL_PROTECTIONS)),
  bounding: launchBounding([]).toString(16).padStart(16, "0"),
})));
