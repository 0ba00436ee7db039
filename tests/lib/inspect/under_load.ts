/**
 * Looks at the socket of a process that reads 2,000 frames a second.
 *
 * @module
 */

import { seeDaemon } from "../../../lib/inspect/daemon.ts";
import { seePacketSockets } from "../../../lib/inspect/sockets/socket_state.ts";
import { pause } from "../../../lib/host/pause.ts";
import { command } from "../../ffi/programs.ts";

/** Starts one end of the load on veth-fdpass; it ends with its standard input. */
export function startLoad(what: "send" | "read") {
  const [program, ...args] = command("lib/inspect/programs/load.ts", [what]);
  const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  return {
    pid: child.pid,
    /** The next line. */
    line: async () => (await lines.read()).value ?? "",
    /** Ends it, and returns its result. */
    async end() {
      await child.stdin.close();
      const { value = "null" } = await lines.read();
      await lines.cancel();
      await child.status;
      return JSON.parse(value);
    },
  };
}

/**
 * Looks at the reader while the load goes on.
 *
 * @param looks How often.
 */
export async function underLoad(
  looks: number,
): Promise<{ sent: number; read: number; dropped: number; held: number }> {
  const reader = startLoad("read");
  await reader.line();
  const sender = startLoad("send");
  let held = 0;
  for (let i = 0; i < looks; i++) {
    held += seePacketSockets(seeDaemon(reader.pid)).states.length;
    await pause(0);
  }
  await pause(50); // a few more frames
  const sent: number = await sender.end();
  const { read, dropped } = await reader.end();
  return { sent, read, dropped, held };
}
