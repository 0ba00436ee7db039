import { assertEquals } from "@std/assert";
import { packetInodes } from "../../lib/packet_socket.ts";

// As packet_seq_show prints it; the first of these inodes is that of a machine that has just started.
const TABLE = `sk               RefCnt Type Proto  Iface R Rmem   User   Inode
00000000a1b2c3d4 3      3    0003   2     1 0      0      267   
00000000a1b2c3d5 3      3    0003   2     1 0      65534  1234567
`;

Deno.test("packetInodes() has every inode, whatever its width", () => {
  assertEquals(packetInodes(TABLE), ["267", "1234567"]);
});

Deno.test("packetInodes() has none where there is no packet socket", () => {
  assertEquals(packetInodes(TABLE.split("\n")[0] + "\n"), []);
});
