/**
 * Hides a packet socket by moving it all the time: to another number, and into the queue of a Unix
 * socket and back. It ends by itself after 30 s.
 *
 * @module
 */

import {
  AF_UNIX,
  close,
  dup,
  receiveDescriptors,
  sendDescriptors,
  SOCK_CLOEXEC,
  SOCK_SEQPACKET,
  socketpair,
} from "../../../../ffi/mod.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";

const [here, there] = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
let { fd } = boundPacketSocket(1, 0);
printJson("ready");
for (const end = performance.now() + 30_000; performance.now() < end;) {
  const copy = dup(fd);
  close(fd);
  sendDescriptors(here, [copy]);
  close(copy);
  [fd] = receiveDescriptors(there, { expected: 1 }).descriptors;
}
