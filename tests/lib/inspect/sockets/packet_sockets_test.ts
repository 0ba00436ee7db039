import { assert, assertEquals } from "@std/assert";
import { ETH_P_ALL, readLink } from "../../../../ffi/mod.ts";
import {
  linksOfPacketSockets,
  linksWithoutHolder,
  parsePacketTable,
} from "../../../../lib/inspect/sockets/packet_sockets.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";

// As packet_seq_show prints it. The first inode is typical of a machine that has just booted.
const TABLE = `sk               RefCnt Type Proto  Iface R Rmem   User   Inode
00000000a1b2c3d4 3      3    0003   2     1 0      0      267   
00000000a1b2c3d5 3      3    0003   2     1 768    65534  1234567
`;

Deno.test("parsePacketTable() returns every inode, whatever its width, and the queued bytes", () => {
  assertEquals(parsePacketTable(TABLE), [
    { link: "socket:[267]", queued: 0 },
    { link: "socket:[1234567]", queued: 768 },
  ]);
});

Deno.test("parsePacketTable() returns nothing if there is no packet socket", () => {
  assertEquals(parsePacketTable(TABLE.split("\n")[0] + "\n"), []);
});

Deno.test("linksOfPacketSockets() lists this process's socket; linksWithoutHolder() examines other processes", () => {
  using packetSocket = boundPacketSocket(1, ETH_P_ALL);
  const link = readLink(`/proc/self/fd/${packetSocket.fd}`);
  assert(linksOfPacketSockets().has(link));
  assertEquals(linksWithoutHolder([link], []), []);
  assertEquals(linksWithoutHolder([link], [Deno.pid]), [link]);
});
