/**
 * Looks at a process that moves its packet socket all the time.
 *
 * @module
 */

import { assert } from "@std/assert";
import { seeDaemon } from "../../../lib/inspect/daemon.ts";
import { seePacketSockets } from "../../../lib/inspect/sockets/socket_state.ts";
import { command } from "../../ffi/programs.ts";

/**
 * Looks again and again. No look may have seen everything, and no packet socket.
 *
 * @param looks How often.
 * @returns How many looks saw the socket at a descriptor.
 */
export async function lookAtDancer(looks: number): Promise<number> {
  const [program, ...args] = command("lib/inspect/programs/dancer.ts");
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).spawn();
  try {
    const output = child.stdout.getReader();
    await output.read();
    await output.cancel();
    let caught = 0;
    for (let i = 0; i < looks; i++) {
      const { states, missing, hidden } = seePacketSockets(seeDaemon(child.pid));
      assert(states.length + missing.length + hidden.length > 0, `look ${i} saw nothing`);
      caught += states.length;
    }
    return caught;
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}
