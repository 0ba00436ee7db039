import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  addressOf,
  close,
  Errno,
  errnoOf,
  MAP_SHARED,
  mapOver,
  O_CLOEXEC,
  O_RDONLY,
  O_RDWR,
  open,
  OwnedFd,
  pages,
  pageSize,
  SystemError,
  unmap,
} from "../../../ffi/mod.ts";
import { leavingNothingOpen, type Scope } from "../descriptors.ts";
import { assertIsolatesLive } from "../isolates.ts";
import { mappedAt, mappings } from "../mappings.ts";
import { runProgram } from "../../support/programs.ts";

const PAGE = pageSize();

/** The bytes at both ends and in the middle of a range of memory. */
const samples = (memory: Uint8Array) => [memory[0], memory[memory.length >> 1], memory.at(-1)];

/** Writes to every page; an unmapped page would end the process. */
function touch(memory: Uint8Array): void {
  for (let i = 0; i < memory.length; i += PAGE) memory[i] = 1;
  for (let i = 0; i < memory.length; i += PAGE) memory[i] = 0;
}

/** Runs a test with a file of some pages, in which every byte is 7. */
function withFile(count: number, test: (fd: number, path: string, scope: Scope) => void) {
  return leavingNothingOpen((scope) => {
    const path = Deno.makeTempFileSync();
    try {
      Deno.writeFileSync(path, new Uint8Array(count * PAGE).fill(7));
      test(scope.own(open(path, O_RDWR | O_CLOEXEC)), path, scope);
    } finally {
      Deno.removeSync(path);
    }
  });
}

const isFileMapped = (path: string) => mappings().some(({ object }) => object.startsWith(path));

Deno.test("pageSize() agrees with the kernel", () => {
  const status = Deno.readTextFileSync("/proc/self/smaps");
  assertEquals(PAGE, 1024 * Number(/KernelPageSize: +(\d+) kB/.exec(status)![1]));
});

Deno.test("pages() returns whole, aligned and zeroed pages, also from reused memory", () => {
  for (let round = 0; round < 20; round++) {
    for (const size of [1, PAGE - 1, PAGE, PAGE + 1, 5 * PAGE, 300 * PAGE + 1]) {
      const memory = pages(size);
      assertEquals(memory.length, Math.ceil(size / PAGE) * PAGE);
      assertEquals(addressOf(memory) % BigInt(PAGE), 0n);
      assert(memory.every((byte) => byte === 0), `${size} bytes`);
      memory.fill(0xff);
    }
  }
});

Deno.test("pages() of size 0 is empty", () => assertEquals(pages(0).length, 0));

Deno.test(
  "mapOver() shares pages with a file, in both directions",
  withFile(2, (fd, path) => {
    const memory = pages(2 * PAGE);
    mapOver(memory, MAP_SHARED, fd);
    assertEquals(samples(memory), [7, 7, 7]);
    assertEquals(mappedAt(memory), [`rw-s ${path}`]);
    memory.fill(8);
    assertEquals(samples(Deno.readFileSync(path)), [8, 8, 8]);
    Deno.writeFileSync(path, new Uint8Array(2 * PAGE).fill(9), { create: false });
    unmap(memory);
    assert(!isFileMapped(path));
  }),
);

Deno.test(
  "mapOver() does not touch memory beside the pages",
  withFile(1, (fd) => {
    const memory = pages(3 * PAGE);
    memory.fill(5);
    const middle = memory.subarray(PAGE, 2 * PAGE);
    mapOver(middle, MAP_SHARED, fd);
    assertEquals([memory[PAGE - 1], memory[PAGE], memory[2 * PAGE - 1], memory[2 * PAGE]], [
      ...[5, 7, 7, 5],
    ]);
    unmap(middle);
    assertEquals([memory[PAGE - 1], memory[PAGE], memory[2 * PAGE - 1], memory[2 * PAGE]], [
      ...[5, 0, 0, 5],
    ]);
  }),
);

Deno.test(
  "unmap() leaves empty pages under a held view, and does not change the file",
  withFile(2, (fd, path) => {
    const memory = pages(2 * PAGE);
    mapOver(memory, MAP_SHARED, fd);
    const stale = new Uint32Array(memory.buffer, memory.byteOffset, memory.length / 4);
    unmap(memory);
    assertEquals([stale[0], stale.at(-1), Atomics.load(stale, 1)], [0, 0, 0]);
    stale.fill(1);
    assertEquals(samples(Deno.readFileSync(path)), [7, 7, 7]);
    assert(!mappedAt(memory).some((each) => each.includes(path) || each === "hole"));
  }),
);

Deno.test(
  "mapOver() maps the same pages again and again, and several at once",
  withFile(1, (fd, path) => {
    const memories = [pages(PAGE), pages(PAGE)];
    for (let round = 0; round < 100; round++) {
      for (const memory of memories) {
        mapOver(memory, MAP_SHARED, fd);
        assertEquals(memory[0], 7);
      }
      memories.forEach(unmap);
      assertEquals(memories.map((memory) => memory[0]), [0, 0]);
    }
    // Also over a mapping.
    mapOver(memories[0], MAP_SHARED, fd);
    mapOver(memories[0], MAP_SHARED, fd);
    unmap(memories[0]);
    assert(!isFileMapped(path));
  }),
);

for (
  const [what, flags, fdOf, code] of [
    ["a closed descriptor", MAP_SHARED, () => 9999, "EBADF"],
    ["invalid flags", 0, (fd: number) => fd, "EINVAL"],
    ["a file that is open for reading only", MAP_SHARED, readOnly, "EACCES"],
    ["a socket that cannot be mapped", MAP_SHARED, unixSocket, "ENODEV"],
  ] as const
) {
  Deno.test(
    `mapOver() throws ${code} for ${what}, and leaves empty pages`,
    withFile(3, (fd, path, scope) => {
      const memory = pages(3 * PAGE);
      memory.fill(3);
      const error = assertThrows(
        () => mapOver(memory, flags, fdOf(fd, path, scope)),
        SystemError,
      );
      assertEquals([error.syscall, error.code], ["mmap", code]);
      assertEquals(samples(memory), [0, 0, 0]);
      touch(memory);
      assert(!isFileMapped(path));
      assert(!mappedAt(memory).includes("hole"));
      mapOver(memory, MAP_SHARED, fd);
      assertEquals(samples(memory), [7, 7, 7]);
      unmap(memory);
    }),
  );
}

function readOnly(_fd: number, path: string, scope: Scope): number {
  return scope.own(open(path, O_RDONLY | O_CLOEXEC));
}

function unixSocket(_fd: number, _path: string, scope: Scope): number {
  return scope.pair()[0];
}

Deno.test(
  "mapOver() throws EINVAL for pages that are not aligned, and leaves them as they are",
  withFile(2, (fd, path) => {
    const memory = pages(2 * PAGE);
    memory.fill(3);
    assertEquals(errnoOf(() => mapOver(memory.subarray(1), MAP_SHARED, fd)), Errno.EINVAL);
    assertEquals(samples(memory), [3, 3, 3]);
    assert(!isFileMapped(path));
  }),
);

Deno.test("mapOver() keeps a mapping after its descriptor is closed", () => {
  const path = Deno.makeTempFileSync();
  const memory = pages(PAGE);
  try {
    Deno.writeFileSync(path, new Uint8Array(PAGE).fill(7));
    {
      using file = new OwnedFd(open(path, O_RDWR | O_CLOEXEC));
      mapOver(memory, MAP_SHARED, file.fd);
      assertThrows(() => close(9999), SystemError);
    }
    assertEquals(samples(memory), [7, 7, 7]);
  } finally {
    unmap(memory);
    Deno.removeSync(path);
  }
});

Deno.test("mapOver() keeps its pages: a garbage collection frees none that is mapped", async () => {
  // The heap would reuse freed pages while the file is still mapped there.
  const script = `
    import {
      MAP_SHARED, mapOver, O_CLOEXEC, O_RDWR, open, pages, pageSize,
    } from "./ffi/mod.ts";
    const path = Deno.makeTempFileSync();
    Deno.writeFileSync(path, new Uint8Array(64 * pageSize()));
    const fd = open(path, O_RDWR | O_CLOEXEC);
    for (let i = 0; i < 100; i++) mapOver(pages(64 * pageSize()), MAP_SHARED, fd);
    for (let i = 0; i < 20; i++) {
      gc();
      for (let j = 0; j < 50; j++) new Uint8Array(64 * pageSize()).fill(0xff);
    }
    console.log(Deno.readFileSync(path).some((byte) => byte !== 0));
    Deno.removeSync(path);
  `;
  assertEquals(await evaluated(script), { code: 0, stdout: "false\n", stderr: "" });
});

function evaluated(script: string) {
  return runProgram(Deno.execPath(), ["eval", "--v8-flags=--expose-gc", "--ext=ts", script]);
}

Deno.test(
  "Memory that is still mapped at the end of an isolate does not return to the heap",
  () => assertIsolatesLive("ffi/abi/programs/left_mapped.ts"),
);
