import { assertEquals } from "@std/assert";
import { parseRing } from "../../../../lib/inspect/descriptors/rings.ts";

/** As io_uring_show_fdinfo prints it. */
const info = (files: string, personalities = "") =>
  `pos:\t0\nSqMask:\t0x3\nSqThread:\t-1\nUserFiles:\t2\n${files}\nUserBufs:\t0\n${personalities}PollList:\n`;
const FILES = "    0: socket:[1]\n    1: /tmp/a\\040b";

Deno.test("parseRing() returns the registered files, the thread and the personalities", () => {
  const personalities = "Personalities:\n    1\n\tUid:\t0\t\t0\t\t0\t\t0\n    2\n\tUid:\t7\t\t7\n";
  assertEquals(parseRing(info(FILES, personalities).replace("-1", "4711")), {
    count: 2,
    files: ["socket:[1]", "/tmp/a\\040b"],
    personalities: [0, 7],
    pollingThread: 4711,
  });
});

Deno.test("parseRing() does not take a missing list for an empty one", () => {
  assertEquals(parseRing(info(FILES)).personalities, undefined);
  assertEquals(parseRing("pos:\t0\nflags:\t02\n").count, undefined); // the ring was locked
  assertEquals(parseRing(info(FILES).split("UserBufs")[0]).count, undefined); // cut
});

Deno.test("parseRing() is not misled by the name of a registered file", () => {
  const hostile = "    0: a\nUserBufs:\t0\nPersonalities:\n    9\n\tUid:\t65534\n    1: socket:[1]";
  const { files, personalities } = parseRing(info(hostile));
  assertEquals(files.at(-1), "socket:[1]");
  assertEquals(personalities, undefined);
});
