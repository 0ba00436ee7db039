/**
 * Receives two descriptors in a process that may open only one more. Started under a low `ulimit
 * -n`.
 *
 * @module
 */

import {
  AF_UNIX,
  close,
  CMSG_SPACE,
  DescriptorError,
  errnoName,
  errnoOf,
  isRights,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  receiveDescriptors,
  recvmsg,
  rightsIn,
  sendDescriptors,
  SOCK_CLOEXEC,
  SOCK_SEQPACKET,
  socket,
  socketpair,
} from "../../../../ffi/mod.ts";
import { assertConnected } from "../../descriptors.ts";
import { printJson } from "../../programs/print_json.ts";

const [here, there] = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
const [cargo, peer] = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

const filling: number[] = [];
const fill = () => {
  for (;;) filling.push(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
};
const limit = errnoName(errnoOf(fill));
close(filling.pop()!);

sendDescriptors(here, [cargo, cargo]);
const { flags, controlMessages } = recvmsg(
  there,
  new Uint8Array(1),
  new Uint8Array(CMSG_SPACE(8)),
  MSG_CMSG_CLOEXEC,
);
const received = controlMessages.filter(isRights).flatMap(rightsIn);
received.forEach((fd) => assertConnected(fd, peer));
received.forEach(close);

sendDescriptors(here, [cargo, cargo]);
let strict = "accepted";
try {
  receiveDescriptors(there, { expected: 2 });
} catch (error) {
  if (!(error instanceof DescriptorError)) throw error;
  strict = `${error.message}; ${error.received} of ${error.expected}`;
}

const before = filling.length;
const limitAgain = errnoName(errnoOf(fill));
printJson({
  limit,
  received: received.length,
  cut: (flags & MSG_CTRUNC) !== 0,
  strict,
  freeAfterwards: filling.length - before,
  limitAgain,
});
