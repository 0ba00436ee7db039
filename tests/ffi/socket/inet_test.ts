import { assertEquals, assertThrows } from "@std/assert";
import {
  AF_INET,
  AF_UNIX,
  bind,
  connect,
  getpeername,
  getsockname,
  getsockoptInt,
  if_nametoindex,
  inetAddress,
  inetEndpoint,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IPPROTO_IP,
  ipv4Bytes,
  joinGroup,
  joinSource,
  MSG_DONTWAIT,
  OwnedFd,
  poll,
  POLLIN,
  recv,
  send,
  sendMulticastBy,
  sendTo,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
  SystemError,
} from "../../../ffi/mod.ts";

const LOCALHOST = "127.0.0.1";
const udp = () => new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

Deno.test("ipv4Bytes() accepts canonical dotted decimal only", () => {
  assertEquals(ipv4Bytes("239.255.70.68"), Uint8Array.of(239, 255, 70, 68));
  assertEquals(ipv4Bytes("0.0.0.0"), new Uint8Array(4));
  for (
    const text of ["", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-1", "01.2.3.4", "1.2.3.4 "]
  ) {
    assertEquals(ipv4Bytes(text), undefined, text);
  }
});

Deno.test("inetAddress() and inetEndpoint() are inverses, in network byte order", () => {
  const endpoint = { address: "239.255.70.68", port: 5004 };
  const bytes = inetAddress(endpoint);
  assertEquals([...bytes.subarray(2, 8)], [0x13, 0x8c, 239, 255, 70, 68]);
  assertEquals(inetEndpoint(bytes), endpoint);
  assertThrows(() => inetAddress({ address: "nowhere", port: 1 }), RangeError, '"nowhere"');
  assertThrows(() => inetEndpoint(new Uint8Array(16)), RangeError, "Family 0");
  assertThrows(() => inetEndpoint(new Uint8Array(8)), RangeError);
});

Deno.test("connect() sets the peer, which getpeername() returns and send() reaches", () => {
  using here = udp();
  using there = udp();
  bind(there.fd, inetAddress({ address: LOCALHOST, port: 0 }));
  const { port } = inetEndpoint(getsockname(there.fd));
  connect(here.fd, inetAddress({ address: LOCALHOST, port }));
  assertEquals(inetEndpoint(getpeername(here.fd)), { address: LOCALHOST, port });
  send(here.fd, Uint8Array.of(1, 2, 3), 0);
  assertEquals(recv(there.fd, new Uint8Array(10), MSG_DONTWAIT), 3);
});

Deno.test("sendTo() reaches another address from a connected UDP socket", () => {
  using here = udp();
  using peer = udp();
  using other = udp();
  for (const each of [peer, other]) bind(each.fd, inetAddress({ address: LOCALHOST, port: 0 }));
  connect(here.fd, getsockname(peer.fd));
  sendTo(here.fd, Uint8Array.of(1), 0, getsockname(other.fd));
  assertEquals(recv(other.fd, new Uint8Array(10), MSG_DONTWAIT), 1);
});

Deno.test("connect() and getpeername() throw SystemError with the reason", () => {
  using unconnected = udp();
  assertEquals(codeOf(() => getpeername(unconnected.fd)), "ENOTCONN");
  assertEquals(codeOf(() => connect(-1, new Uint8Array(16))), "EBADF");
  using unix = new OwnedFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  assertEquals(
    codeOf(() => connect(unix.fd, inetAddress({ address: LOCALHOST, port: 1 }))),
    "EINVAL",
  );
});

Deno.test("sendMulticastBy() sets the interface and the TTL, and turns off the local copy", () => {
  using fd = udp();
  sendMulticastBy(fd.fd, if_nametoindex("lo"), 7);
  assertEquals(getsockoptInt(fd.fd, IPPROTO_IP, IP_MULTICAST_TTL), 7);
  assertEquals(getsockoptInt(fd.fd, IPPROTO_IP, IP_MULTICAST_LOOP), 0);
  assertEquals(codeOf(() => sendMulticastBy(fd.fd, 0x7ffffff, 7)), "EADDRNOTAVAIL");
});

Deno.test("joinGroup() throws for a second join, and for an address that is not a group", () => {
  using fd = udp();
  const lo = if_nametoindex("lo");
  joinGroup(fd.fd, "239.255.70.68", lo);
  assertEquals(codeOf(() => joinGroup(fd.fd, "239.255.70.68", lo)), "EADDRINUSE");
  assertEquals(codeOf(() => joinGroup(fd.fd, "192.0.2.1", lo)), "EINVAL");
  assertEquals(codeOf(() => joinGroup(fd.fd, "239.255.70.68", 0x7ffffff)), "ENODEV");
});

Deno.test("joinSource() lets one source through, and no other", () => {
  const lo = if_nametoindex("lo"), group = "232.70.68.1";
  using sender = udp();
  bind(sender.fd, inetAddress({ address: LOCALHOST, port: 0 }));
  sendMulticastBy(sender.fd, lo, 0);
  const arrives = (source: string): boolean => {
    using receiver = udp();
    bind(receiver.fd, inetAddress({ address: group, port: 0 }));
    joinSource(receiver.fd, group, source, lo);
    const { port } = inetEndpoint(getsockname(receiver.fd));
    sendTo(sender.fd, Uint8Array.of(1), 0, inetAddress({ address: group, port }));
    return poll([receiver.fd], POLLIN, source === LOCALHOST ? 5000 : 100)[0] !== 0;
  };
  assertEquals([arrives(LOCALHOST), arrives("192.0.2.1")], [true, false]);
});

Deno.test("joinSource() throws for a second join, and for what is no group or source", () => {
  using fd = udp();
  const lo = if_nametoindex("lo"), group = "232.70.68.2", source = "192.0.2.1";
  joinSource(fd.fd, group, source, lo);
  assertEquals(codeOf(() => joinSource(fd.fd, group, source, lo)), "EADDRNOTAVAIL");
  assertEquals(codeOf(() => joinSource(fd.fd, "192.0.2.1", source, lo)), "EINVAL");
  assertEquals(codeOf(() => joinSource(fd.fd, group, source, 0x7ffffff)), "ENODEV");
  assertThrows(() => joinSource(fd.fd, group, "nowhere", lo), RangeError, '"nowhere"');
});

function codeOf(step: () => unknown): string {
  try {
    step();
  } catch (error) {
    if (error instanceof SystemError) return error.code;
    throw error;
  }
  return "none";
}
