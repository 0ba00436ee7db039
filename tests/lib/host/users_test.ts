import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../lib/evidence/errors.ts";
import {
  findGroupIds,
  findIdentity,
  isMapped,
  mapsEveryId,
  overflowIds,
} from "../../../lib/host/users.ts";

Deno.test("findIdentity() accepts names and numbers", () => {
  assertEquals(findIdentity("nobody:65534"), { uid: 65534, gid: 65534 });
  assertEquals(findIdentity("1234:5678"), { uid: 1234, gid: 5678 });
  assertEquals(findIdentity("4294967294:1"), { uid: 4294967294, gid: 1 });
});

Deno.test("findIdentity() refuses root, the id that changes nothing, unknown names and malformed text", () => {
  const cases: [user: string, message: string][] = [
    ["root", "is root"],
    ["0", "is root"],
    ["0:65534", "is root"],
    ["nobody:0", "is root"],
    ["nobody:root", "is root"],
    ["4294967295:1", "out of range"],
    ["1:4294967295", "out of range"],
    ["no-such-user", "no user"],
    ["nobody:no-such-group", "no group"],
    ["1234", "no group of its own"],
    ["", "must be"],
    [":1", "must be"],
    ["1:", "must be"],
    ["1:2:3", "must be"],
  ];
  for (const [user, message] of cases) {
    assertThrows(() => findIdentity(user), UsageError, message, user);
  }
});

Deno.test("isMapped() finds an id in the map of a user namespace", () => {
  assertEquals(isMapped(65534, "         0          0 4294967295\n"), true);
  assertEquals(isMapped(65534, "         0          0          1\n"), false);
  assertEquals(isMapped(65534, "0 100000 1\n65534 165534 1\n"), true);
  assertEquals(isMapped(65534, ""), false);
});

Deno.test("findGroupIds() accepts names and numbers, and that of root", () => {
  assertEquals(findGroupIds(["root", "0", "42", "4294967294"]), [0, 0, 42, 4294967294]);
  assertEquals(findGroupIds([]), []);
  assertThrows(() => findGroupIds(["0", "no-such-group"]), UsageError, "--groups: there is no");
  assertThrows(() => findGroupIds(["4294967295"]), UsageError, "out of range");
});

Deno.test("mapsEveryId() wants all ids, in any order of the ranges", () => {
  assertEquals(mapsEveryId("         0          0 4294967295\n"), true);
  assertEquals(mapsEveryId("1 1 4294967294\n0 1000 1\n"), true);
  assertEquals(mapsEveryId("0 1000 1\n2 2 4294967293\n"), false);
  assertEquals(mapsEveryId("0 100000 65536\n"), false);
  assertEquals(mapsEveryId(""), false);
});

Deno.test("overflowIds() has none in the first user namespace, and nobody's in another", async () => {
  const first = mapsEveryId(Deno.readTextFileSync("/proc/self/uid_map"));
  if (first) assertEquals(overflowIds(), { uid: undefined, gid: undefined });
  const module = new URL("../../../lib/host/users.ts", import.meta.url).href;
  const program = `import { overflowIds } from "${module}"; console.log(overflowIds());`;
  const { stdout } = await new Deno.Command("unshare", {
    args: ["--user", "--map-root-user", Deno.execPath(), "eval", program],
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "{ uid: 65534, gid: 65534 }\n");
});
