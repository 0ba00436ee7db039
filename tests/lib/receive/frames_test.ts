import { assertEquals } from "@std/assert";
import { FRAME_ROOM } from "../../../lib/packets/link_layer.ts";
import { allPathsTest, PATHS, pathTest, resultInNamespace } from "./paths.ts";

/** The receive paths with the kernel's time stamps. */
const STAMPING = ["recvmsg", "recvmmsg", "tpacket-v3"];

const SIZES = [
  FRAME_ROOM - 11,
  FRAME_ROOM - 10, // fits with an offload header
  FRAME_ROOM - 9,
  FRAME_ROOM, // fits without one
  FRAME_ROOM + 1,
  90_000,
  14 + 8 + 65535, // an IP packet of 64 KiB behind two VLAN tags
  9014,
  60,
];

allPathsTest(
  "cuts a frame that is longer than its buffer, and no other",
  "long_frames.ts",
  [JSON.stringify(SIZES)],
  (path) => {
    // The blocks of a ring are longer than these frames.
    const room = path === "tpacket-v3" ? Infinity : FRAME_ROOM;
    return {
      plain: SIZES.map((size) => [size, Math.min(size, room)]),
      withHeader: SIZES.map((size) => [size, Math.min(size, room - 10)]),
    };
  },
);

/** The tags of frames, the outer one first. */
const TAGS = [
  [[0x8100, 5]],
  [],
  [[0x88a8, 5]],
  [[0x8100, 0xe000 | 4094]], // the highest priority
  [[0x88a8, 0xf000 | 1], [0x8100, 7]], // drop eligible, with another tag within
  [[0x8100, 1], [0x8100, 2]],
  [[0x8100, 0]],
  [],
];

allPathsTest(
  "with time stamps also reports the VLAN tag that the kernel removed: of two, the outer one",
  "tags.ts",
  [JSON.stringify(TAGS)],
  (path) => {
    const reports = STAMPING.includes(path);
    return TAGS.map(([outer = null]) => ({
      vlan: reports ? outer : null,
      isWithoutOuter: true,
      isRestored: reports || outer === null,
    }));
  },
);

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
