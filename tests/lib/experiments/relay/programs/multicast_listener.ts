/**
 * Joins the group of the stimulus as nobody by an ordinary UDP socket, and prints what the socket
 * reads of one frame, beside the secret.
 *
 * @module
 */

import {
  AF_INET,
  bind,
  dropPrivileges,
  if_nametoindex,
  inetAddress,
  joinGroup,
  OwnedFd,
  poll,
  POLLIN,
  recv,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
} from "../../../../../ffi/mod.ts";
import { secretOf, Stimulus } from "../../../../../lib/packets/stimulus.ts";
import { printJson } from "../../../../ffi/programs/print_json.ts";
import { interfaceByName } from "../../../../support/link_ends.ts";

using stimulus = new Stimulus(interfaceByName("veth-fdpass-far"), () => 300);
const near = if_nametoindex("veth-fdpass");
dropPrivileges({ uid: 65534, gid: 65534 });
using listener = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
bind(listener.fd, inetAddress({ address: "0.0.0.0", port: 5004 }));
joinGroup(listener.fd, "239.255.70.68", near);
const frame = stimulus.send();
poll([listener.fd], POLLIN, 10_000);
const buffer = new Uint8Array(2048);
const length = recv(listener.fd, buffer, 0);
printJson({ read: buffer.subarray(0, length).toHex(), secret: secretOf(frame, "ethernet") });
