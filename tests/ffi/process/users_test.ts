import { assert, assertEquals } from "@std/assert";
import { gidByName, userByName, userByUid } from "../../../ffi/mod.ts";

/**
 * The lines of a database such as /etc/passwd by their first field; of equal ones the first line
 * counts.
 */
function database(path: string): Map<string, string[]> {
  const lines = Deno.readTextFileSync(path).split("\n").map((line) => line.split(":"));
  return new Map(
    lines.filter((fields) => fields.length > 2).reverse().map((each) => [each[0], each]),
  );
}

Deno.test("userByName() finds every user of /etc/passwd", () => {
  const users = database("/etc/passwd");
  assert(users.has("root"));
  for (const [name, [, , uid, gid]] of users) {
    assertEquals(userByName(name), { uid: Number(uid), gid: Number(gid) }, name);
  }
});

Deno.test("userByUid() finds every uid of /etc/passwd", () => {
  const users = [...database("/etc/passwd").values()].map(([, , uid, gid]) =>
    [uid, gid].map(Number)
  );
  for (const [uid, gid] of new Map(users as [number, number][])) {
    assertEquals(userByUid(uid), { uid, gid });
  }
});

Deno.test("gidByName() finds every group of /etc/group", () => {
  const groups = database("/etc/group");
  assert(groups.has("root"));
  for (const [name, [, , gid]] of groups) assertEquals(gidByName(name), Number(gid), name);
});

Deno.test("userByName(), userByUid() and gidByName() return undefined for unknown names and ids", () => {
  for (const name of ["", "no such user", "0", "root:", "x".repeat(5000)]) {
    assertEquals([userByName(name), gidByName(name)], [undefined, undefined], name);
  }
  assertEquals(userByUid(3_999_999_999), undefined);
});

Deno.test("userByName() returns a result that later lookups do not change", () => {
  const root = userByName("root");
  userByName([...database("/etc/passwd").keys()].at(-1)!);
  assertEquals(root, { uid: 0, gid: 0 });
});
