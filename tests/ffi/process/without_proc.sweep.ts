/** A drop without /proc: about eight seconds, in which every possible thread id is asked for. */

import { assertEquals } from "@std/assert";
import { testNeeding } from "../../support/needs.ts";
import { command, resultOf } from "../programs.ts";

testNeeding(
  { root: true },
  "dropPrivileges() without /proc leaves no thread a capability",
  async () => {
    const program = command("ffi/process/programs/without_proc.ts", ["drop"]);
    await resultOf([...program.slice(0, -1), "list"]); // fills the cache, which needs /proc
    assertEquals(
      await resultOf([
        ...["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"],
        ...["setpriv", "--inh-caps=+net_raw,+chown", ...program],
      ]),
      { isProcThere: false, left: [] },
    );
  },
);
