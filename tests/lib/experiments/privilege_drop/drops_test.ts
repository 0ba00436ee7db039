import { assertEquals } from "@std/assert";
import { close, dup, ETH_P_ALL, if_nametoindex } from "../../../../ffi/mod.ts";
import { countPassedDrops } from "../../../../lib/experiments/privilege_drop/drops.ts";
import type { SeenDescriptor } from "../../../../lib/inspect/descriptors/descriptors.ts";
import { markedFrame } from "../../../../lib/packets/marks.ts";
import { sendFrame } from "../../../../lib/packets/send.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { testNeeding } from "../../../support/needs.ts";

testNeeding(
  { root: true },
  "countPassedDrops() goes on after the parent has closed its copy",
  () => {
    const lo = if_nametoindex("lo");
    using sender = boundPacketSocket(lo, 0);
    using own = boundPacketSocket(lo, ETH_P_ALL);
    const theirs = dup(own.fd); // this process is the child as well
    const held: SeenDescriptor[] = [
      { fd: theirs, refersTo: "socket:[1]", kind: "packet", inFlight: 0 },
    ];
    const drops = countPassedDrops(own, Deno.pid, held);
    const flood = (count: number) => {
      for (let i = 0; i < count; i++) sendFrame(sender.fd, markedFrame("flood", "ethernet"));
    };
    flood(5);
    assertEquals(drops(), 0);
    flood(2000);
    const before = drops();
    own.close();
    flood(50);
    assertEquals([before > 0, drops()], [true, before + 50]);
    close(theirs);
    assertEquals(drops(), before + 50, "the child has ended");
  },
);
