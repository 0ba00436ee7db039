/**
 * An ordinary receiver of multicast: an AF_INET socket that joins a group, and a program that
 * receives by one in another network namespace.
 *
 * @module
 */

import { LISTEN, ROLE } from "./orders.ts";
import {
  AF_INET,
  MSG_DONTWAIT,
  SO_BINDTODEVICE,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
} from "../../../ffi/abi/constants.ts";
import { cString } from "../../../ffi/abi/libc.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { bind, ReceiveBuffer, setsockopt, socket } from "../../../ffi/socket/calls.ts";
import { inetAddress, type Ipv4Flow } from "../../../ffi/socket/inet.ts";
import { if_nametoindex } from "../../../ffi/socket/rtnetlink.ts";
import { launcherWith } from "../../confine/launcher.ts";
import type { Child } from "../../harness/child.ts";
import type { ChildRun } from "../../harness/child_run.ts";
import { DIGESTS_PER_MESSAGE, sha256 } from "../../harness/digests.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import { enlargeReceiveBuffer } from "../../packets/socket.ts";
import { join } from "./membership.ts";
import { IN_OWN_NAMESPACE } from "./namespace.ts";

/**
 * Opens an AF_INET socket that receives what arrives for a group and port on one interface.
 *
 * @param to The group and the port, and the source if only one is wanted.
 * @throws {SystemError} `EPERM` without CAP_NET_ADMIN, `ENODEV`, …
 */
export function openReceiver(
  to: Ipv4Flow,
  { ifindex, name }: { readonly ifindex: number; readonly name: string },
): OwnedFd {
  const receiver = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  setsockopt(receiver.fd, SOL_SOCKET, SO_REUSEADDR, 1);
  enlargeReceiveBuffer(receiver.fd);
  setsockopt(receiver.fd, SOL_SOCKET, SO_BINDTODEVICE, cString(name));
  bind(receiver.fd, inetAddress(to));
  join(receiver.fd, to, ifindex);
  return receiver;
}

/** Takes the payloads that are queued on a socket, without waiting. */
export function takePayloads(fd: number): Uint8Array<ArrayBuffer>[] {
  const buffer = new ReceiveBuffer(1 << 16);
  const payloads: Uint8Array<ArrayBuffer>[] = [];
  for (;;) {
    const length = buffer.receive(fd, MSG_DONTWAIT);
    if (length === -1) return payloads;
    payloads.push(buffer.bytes.slice(0, length));
  }
}

/** For SO_RCVBUFFORCE; and for SO_BINDTODEVICE, before Linux 5.7. */
const RECEIVER_NEEDS = ["net_admin", "net_raw"];

/** Starts the receiver's program, and returns when it is in a network namespace of its own. */
export async function startReceiver(run: ParentRun): Promise<Child> {
  const receiver = run.start({ launcher: [...IN_OWN_NAMESPACE, ...launcherWith(RECEIVER_NEEDS)] });
  receiver.order(ROLE, { role: "receiver" });
  await receiver.reached("started");
  return receiver;
}

/**
 * The receiver's program: sends the parent a digest of every payload, until the parent ends it.
 *
 * @param keep Adds the digest of a payload to those that are sent. A test may leave one out.
 */
export async function receive(
  run: ChildRun,
  keep: (digests: string[], digest: string) => void,
): Promise<void> {
  const digest = await sha256();
  run.reached("started");
  const { message: { interface: name, to } } = run.receive(LISTEN);
  using receiver = openReceiver(to, { ifindex: if_nametoindex(name), name });
  run.reached("listening");
  let digests: string[] = [];
  const send = () => {
    if (digests.length > 0) run.reached("received", { digests });
    digests = [];
  };
  do {
    for (const payload of takePayloads(receiver.fd)) {
      keep(digests, digest(payload));
      if (digests.length >= DIGESTS_PER_MESSAGE) send();
    }
    send();
  } while (run.readable(receiver.fd) === "descriptor");
  run.receive("enough");
  run.reached("done");
}
