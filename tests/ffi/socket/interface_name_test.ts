import { assertEquals, assertThrows } from "@std/assert";
import {
  AF_PACKET,
  AF_UNIX,
  CLONE_NEWNET,
  Errno,
  errnoOf,
  if_nametoindex,
  interfaceIndexFor,
  interfaceNameFor,
  O_CLOEXEC,
  O_RDONLY,
  open,
  OwnedFd,
  setns,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
  socket,
} from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { leavingNothingOpen } from "../descriptors.ts";
import { ip } from "../programs/veth.ts";
import { OtherNamespace } from "../programs/other_namespace.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test(
  "interfaceNameFor() and interfaceIndexFor() find an interface",
  leavingNothingOpen((scope) => {
    const fd = scope.own(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const ifindex = if_nametoindex("lo");
    assertEquals([interfaceNameFor(fd, ifindex), interfaceIndexFor(fd, bytes("lo"))], [
      "lo",
      ifindex,
    ]);
    assertEquals(errnoOf(() => interfaceNameFor(fd, 0x7fffffff)), Errno.ENODEV);
    assertEquals(errnoOf(() => interfaceIndexFor(fd, bytes("none-such"))), Errno.ENODEV);
    assertEquals(errnoOf(() => interfaceNameFor(-1, ifindex)), Errno.EBADF);
    assertThrows(() => interfaceIndexFor(fd, bytes("x".repeat(16))), RangeError);
  }),
);

testNeeding(
  { root: true },
  "interfaceNameFor() finds the interface in the network namespace of the socket",
  () => {
    using other = new OtherNamespace();
    ip(
      "link",
      "add",
      "far-name",
      "netns",
      `${other.pid}`,
      "index",
      "4242",
      "type",
      "veth",
      "peer",
      "name",
      "near-name",
    );
    using own = new OwnedFd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    using theirs = new OwnedFd(open(`/proc/${other.pid}/ns/net`, O_RDONLY | O_CLOEXEC));
    setns(theirs.fd, CLONE_NEWNET);
    let fd;
    try {
      fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    } finally {
      setns(own.fd, CLONE_NEWNET);
    }
    using elsewhere = new OwnedFd(fd);
    assertEquals(interfaceNameFor(elsewhere.fd, 4242), "far-name");
    assertEquals(errnoOf(() => interfaceIndexFor(elsewhere.fd, bytes("near-name"))), Errno.ENODEV);
  },
);
