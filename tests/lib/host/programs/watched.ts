/**
 * Makes interfaces, watches some of them, runs commands of ip(8), and prints what the watch says.
 *
 *     watched.ts [--late] [--once] [--batch] --watch=NAME… COMMAND…
 *
 * The watch looks after each command, or only at the end with `--once`. With `--late` it begins
 * after the commands, and with `--batch` one ip(8) runs them all. `OTHER` in a command is a process
 * in another network namespace.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { if_nametoindex, linkByIndex } from "../../../../ffi/mod.ts";
import { LinkWatch } from "../../../../lib/host/link_watch.ts";
import { OtherNamespace } from "../../../ffi/programs/other_namespace.ts";
import { ip } from "../../../ffi/programs/veth.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";

const { late, once, batch, watch: names, _: words } = parseArgs(Deno.args, {
  boolean: ["late", "once", "batch"],
  collect: ["watch"],
  string: ["watch", "_"],
});

using other = new OtherNamespace();
const commands = (words as string[]).map((each) => each.replace("OTHER", String(other.pid)));

function ipBatch(lines: readonly string[]): void {
  const file = Deno.makeTempFileSync();
  Deno.writeTextFileSync(file, lines.join("\n"));
  ip("-batch", file);
  Deno.removeSync(file);
}

ipBatch([
  "link add near type veth peer name far",
  "link add near2 type veth peer name away",
  "link add noise type veth peer name noise-far",
  "link add name bridge type bridge",
  "link add port type veth peer name port-far",
  "link set port master bridge",
  ...["near", "far", "near2", "away", "port", "port-far"].map((name) => `link set ${name} up`),
]);
const links = (names as string[]).map((name) => linkByIndex(if_nametoindex(name)));
let watched = late ? undefined : new LinkWatch(links);
if (batch) ipBatch(commands);
else {
  for (const command of commands) {
    ip(...command.split(" "));
    if (!once) watched?.look();
  }
}
watched ??= new LinkWatch(links);
// The kernel reports a carrier some time after its change, and answers at once.
if (once || batch) watched.look();
else watched.lookAgain();
printJson(watched.change ?? null);
watched[Symbol.dispose]();
