import { assertEquals } from "@std/assert";
import { MAP_SHARED, mapOver, open, OwnedFd, pages, pageSize, unmap } from "../../../../ffi/mod.ts";
import {
  foreignMappings,
  parsePrivateFiles,
  parseSharedMappings,
} from "../../../../lib/inspect/descriptors/mappings.ts";

const O_RDWR = 2;

const MAPS = `\
55d0c0a00000-55d0c0c00000 r--p 00000000 08:01 131 /usr/bin/deno
7f0000000000-7f0000001000 rw-s 00000000 00:0a 4711                       socket:[4711]
7f0000001000-7f0000002000 rw-s 10000000 00:0f 26                         anon_inode:[io_uring]
7f0000002000-7f0000003000 rw-p 00000000 00:00 0
7f0000003000-7f0000004000 rw-s 00000000 00:01 77                         /dev/zero (deleted)
7f0000004000-7f0000005000 ---s 00000000 08:01 132                        /etc/shadow
7f0000005000-7f0000006000 r-xp 00000000 08:01 133                        /tmp/a rw-s b
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`;

Deno.test("parseSharedMappings() returns the shared mappings and no private one", () => {
  assertEquals(parseSharedMappings(MAPS), [
    "socket:[4711]",
    "anon_inode:[io_uring]",
    "/dev/zero (deleted)",
    "/etc/shadow",
  ]);
});

Deno.test("parsePrivateFiles() returns the files that are mapped privately", () => {
  assertEquals(parsePrivateFiles(MAPS), ["/usr/bin/deno", "/tmp/a rw-s b"]);
});

Deno.test("foreignMappings() finds a shared mapping of a file, and none after it is unmapped", () => {
  const path = Deno.makeTempFileSync();
  try {
    Deno.truncateSync(path, pageSize());
    using file = new OwnedFd(open(path, O_RDWR));
    const memory = pages(pageSize());
    const isFound = () => foreignMappings(Deno.pid).includes(path);
    assertEquals(isFound(), false);
    mapOver(memory, MAP_SHARED, file.fd);
    assertEquals(isFound(), true);
    unmap(memory);
    assertEquals(isFound(), false);
  } finally {
    Deno.removeSync(path);
  }
});
