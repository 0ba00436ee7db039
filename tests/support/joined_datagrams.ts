/**
 * Runs a command while an ordinary UDP socket sends joined datagrams at an interface, until the
 * command ends.
 *
 *     joined_datagrams.ts INTERFACE COMMAND [ARG…]
 *
 * The kernel divides what one call sends (UDP_SEGMENT) only where the frames leave the machine:
 * over a veth pair they stay joined, and their checksums are not computed.
 *
 * @module
 */

import {
  AF_INET,
  connect,
  cString,
  if_nametoindex,
  inetAddress,
  OwnedFd,
  send,
  sendMulticastBy,
  setsockopt,
  SO_BINDTODEVICE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
  SOL_SOCKET,
} from "../../ffi/mod.ts";
import { passThrough } from "./pass_through.ts";
import { pause } from "./pause.ts";

const GROUP = { address: "239.255.70.68", port: 5004 };
/** linux/udp.h: the size of the datagrams that one send is split into. */
const SOL_UDP = 17, UDP_SEGMENT = 103;
const SIZE = 1200, JOINED = 40;
/** The time between two sends, in milliseconds. */
const TICK = 20;

const [name, command, ...args] = Deno.args;
using sender = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
setsockopt(sender.fd, SOL_SOCKET, SO_BINDTODEVICE, cString(name));
sendMulticastBy(sender.fd, if_nametoindex(name), 1);
setsockopt(sender.fd, SOL_UDP, UDP_SEGMENT, SIZE);
connect(sender.fd, inetAddress(GROUP));

let isOver = false;
const ended = passThrough(command, args).finally(() => isOver = true);
for (let sent = 0; !isOver; await pause(TICK)) {
  const payload = new Uint8Array(JOINED * SIZE);
  for (let i = 0; i < JOINED; i++) new DataView(payload.buffer).setUint32(i * SIZE, sent++);
  send(sender.fd, payload, 0);
}
Deno.exit(await ended);
