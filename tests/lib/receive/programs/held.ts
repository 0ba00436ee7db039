/**
 * Opens a source of frames by a ring, closes it, drops every reference to it, and prints whether
 * its buffers still exist after a garbage collection.
 *
 *     held.ts PATH [refused]
 *
 * With `refused`, a filter refuses the call that cancels the ring's operations, as a worker's
 * filter does.
 *
 * @module
 */

import { compileFilter, installFilter } from "../../../../ffi/mod.ts";
import { openPacketSocket } from "../../../../lib/packets/socket.ts";
import { openFrameSource } from "../../../../lib/receive/mod.ts";
import { outlives } from "../../../ffi/programs/collecting.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { pathArgument } from "./receiving.ts";

const path = pathArgument();
const isRefused = Deno.args[1] === "refused";
const packetFd = openPacketSocket();

printJson({
  isHeld: await outlives(() => {
    using source = openFrameSource(path, packetFd);
    if (isRefused) {
      installFilter(compileFilter({
        rules: [{ syscall: "io_uring_register", action: "EPERM", reason: "a test" }],
        otherwise: { action: "allow", reason: "a test" },
      }));
    }
    return source.bytes.buffer;
  }),
});
