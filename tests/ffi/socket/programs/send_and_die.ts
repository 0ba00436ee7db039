/**
 * Sends one end of a connection over the given descriptor, writes a last message to the other end,
 * and dies.
 *
 * @module
 */

import { AF_UNIX, send, sendDescriptors, SOCK_SEQPACKET, socketpair } from "../../../../ffi/mod.ts";

const [passed, kept] = socketpair(AF_UNIX, SOCK_SEQPACKET, 0);
send(kept, new TextEncoder().encode("last words"), 0);
sendDescriptors(Number(Deno.args[0]), [passed]);
Deno.kill(Deno.pid, "SIGKILL");
