import { assertEquals } from "@std/assert";
import { FRAME_ROOM } from "../../../lib/packets/link_layer.ts";
import { PATHS, pathTest, resultInNamespace } from "./paths.ts";

/** The receive paths with the kernel's time stamps. */
const STAMPING = ["recvmsg", "recvmmsg", "tpacket-v3"];

/** The length, and the captured length, of a frame that may be longer than its buffer. */
function shown(path: string, size: number): [length: number, captured: number] {
  if (path === "tpacket-v3") return [size, size]; // its blocks are longer than these frames
  return [size, Math.min(size, FRAME_ROOM)];
}

/** The longest frame of a link: an IP packet of 64 KiB behind two VLAN tags; and shorter ones. */
const SIZES = [14 + 8 + 65535, 9014, 1514, 60];

for (const path of PATHS) {
  pathTest(
    path,
    "delivers every frame once, in order, byte for byte; drain() discards the rest",
    async () => {
      assertEquals(await resultInNamespace("every_frame.ts", [path]), {
        asSent: 4000,
        missing: 0,
        stamped: STAMPING.includes(path) ? 4000 : 0,
        wronglyStamped: 0,
        more: false,
        drained: 20,
        drainedLater: 0,
        dropped: 0,
      });
    },
  );

  pathTest(path, "cuts a frame that is longer than its buffer, and no other", async () => {
    const sizes = [FRAME_ROOM - 1, FRAME_ROOM, FRAME_ROOM + 1, 90_000, ...SIZES];
    assertEquals(
      await resultInNamespace("long_frames.ts", [path, ...sizes.map(String)]),
      sizes.map((size) => shown(path, size)),
    );
  });

  pathTest(path, "loses nothing to signals", async () => {
    assertEquals(await resultInNamespace("interrupted.ts", [path]), { asSent: 300, more: false });
  });

  for (const taken of [2, 5]) {
    pathTest(
      path,
      `throws ENETDOWN once while ${5 - taken} frames wait, and then continues`,
      async () => {
        assertEquals(await resultInNamespace("link_down.ts", [path, String(taken)]), {
          taken: [0, 1, 2, 3, 4].slice(0, taken),
          readyWhenDown: 1,
          waiting: [0, 1, 2, 3, 4].slice(taken),
          errors: ["ENETDOWN"],
          readyAgain: 0,
          up: 99,
        });
      },
    );
  }
}
