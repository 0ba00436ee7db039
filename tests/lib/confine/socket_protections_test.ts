import { assertEquals } from "@std/assert";
import {
  assemble,
  attachFilter,
  bpfReturn,
  detachFilter,
  errnoName,
  errnoOf,
  ETH_P_ALL,
  if_nametoindex,
  OwnedFd,
  PACKET_FANOUT,
  setsockopt,
  SOL_PACKET,
} from "../../../ffi/mod.ts";
import { ALL_PROTECTIONS, type Protection } from "../../../lib/confine/protections.ts";
import { protectSocket } from "../../../lib/confine/socket_protections.ts";
import { multicastFilter } from "../../../lib/packets/filters.ts";
import { bindPacketSocket, openPacketSocket } from "../../../lib/packets/socket.ts";
import { testNeeding } from "../../support/needs.ts";

Deno.test("protectSocket() applies only the chosen protections", () => {
  protectSocket(-1, [], multicastFilter("ethernet")); // a call would be EBADF
});

const ATTEMPTS: { readonly [what: string]: (fd: number) => void } = {
  attach: (fd) => attachFilter(fd, assemble([bpfReturn(1)])),
  detach: detachFilter,
  bind: (fd) => bindPacketSocket(fd, 0, ETH_P_ALL),
  join: (fd) => setsockopt(fd, SOL_PACKET, PACKET_FANOUT, 4711),
};

const SOCKETS: [chosen: Protection[], errnos: Record<string, string>][] = [
  [[], {}],
  [["locked-filter"], { attach: "EPERM", detach: "EPERM" }],
  [["fanout-pin"], { bind: "EINVAL", join: "EALREADY" }],
  [ALL_PROTECTIONS, { attach: "EPERM", detach: "EPERM", bind: "EINVAL", join: "EALREADY" }],
];

for (const [chosen, errnos] of SOCKETS) {
  const what = chosen.length > 1 ? "all" : chosen[0] ?? "nothing";
  testNeeding({ root: true }, `protectSocket() with ${what} holds for root as well`, () => {
    for (const [name, attempt] of Object.entries(ATTEMPTS)) {
      using packetSocket = new OwnedFd(openPacketSocket());
      const { fd } = packetSocket;
      bindPacketSocket(fd, if_nametoindex("lo"), ETH_P_ALL);
      if (name === "detach") attachFilter(fd, assemble([bpfReturn(1)]));
      protectSocket(fd, chosen, multicastFilter("ethernet"));
      const errno = errnoOf(() => attempt(fd));
      assertEquals(errno === 0 ? undefined : errnoName(errno), errnos[name], name);
    }
  });
}
