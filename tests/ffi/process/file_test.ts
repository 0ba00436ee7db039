import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AF_UNIX,
  close,
  createNew,
  Errno,
  errnoOf,
  giveName,
  isCloseOnExec,
  openDescriptors,
  openUnnamed,
  readBeginning,
  readDirectory,
  readLink,
  readTextFile,
  setMode,
  setOwner,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
  SystemError,
  unlessGone,
  write,
} from "../../../ffi/mod.ts";
import { leavingNothingOpen } from "../descriptors.ts";
import { testNeeding } from "../../support/needs.ts";

/** Runs a test with a temporary folder. */
function inFolder(test: (folder: string) => void) {
  return leavingNothingOpen(() => {
    const folder = Deno.makeTempDirSync();
    try {
      test(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

Deno.test(
  "openUnnamed() creates a file without a name, which vanishes when it is closed",
  inFolder((folder) => {
    const fd = openUnnamed(folder, 0o600);
    try {
      write(fd, new TextEncoder().encode("text"));
      assertEquals(Deno.statSync(`/proc/self/fd/${fd}`).size, 4);
      assertEquals(Deno.statSync(`/proc/self/fd/${fd}`).mode! & 0o777, 0o600);
      assertEquals(isCloseOnExec(fd), true);
      assertEquals(readDirectory(folder), []);
    } finally {
      close(fd);
    }
    assertEquals(readDirectory(folder), []);
  }),
);

Deno.test(
  "giveName() makes the file appear with its content, and never replaces another",
  inFolder((folder) => {
    const fd = openUnnamed(folder, 0o600);
    try {
      write(fd, new TextEncoder().encode("text"));
      giveName(fd, `${folder}/name`);
      Deno.symlinkSync("elsewhere", `${folder}/link`);
      for (const name of ["name", "link"]) {
        assertThrows(() => giveName(fd, `${folder}/${name}`), SystemError, "EEXIST");
      }
      assertEquals(errnoOf(() => giveName(fd, `${folder}/missing/name`)), Errno.ENOENT);
    } finally {
      close(fd);
    }
    assertEquals(readTextFile(`${folder}/name`), "text");
    assertEquals(readDirectory(folder).sort(), ["link", "name"]);
  }),
);

Deno.test(
  "openUnnamed() fails as open(2) does",
  inFolder((folder) => {
    assertEquals(errnoOf(() => openUnnamed(`${folder}/missing`, 0o600)), Errno.ENOENT);
    assertEquals(errnoOf(() => openUnnamed("/proc", 0o600)), Errno.EOPNOTSUPP);
  }),
);

Deno.test(
  "createNew() creates a file, and neither opens another nor follows a link",
  inFolder((folder) => {
    const fd = createNew(`${folder}/new`, 0o640);
    try {
      write(fd, new TextEncoder().encode("text"));
      assertEquals(isCloseOnExec(fd), true);
    } finally {
      close(fd);
    }
    assertEquals(readTextFile(`${folder}/new`), "text");
    Deno.symlinkSync("elsewhere", `${folder}/link`);
    for (const name of ["new", "link"]) {
      assertThrows(() => createNew(`${folder}/${name}`, 0o600), SystemError, "EEXIST");
    }
    assertEquals(errnoOf(() => createNew(`${folder}/missing/name`, 0o600)), Errno.ENOENT);
  }),
);

testNeeding(
  { root: true },
  "setMode() and setOwner() change an open file, whatever the umask",
  inFolder((folder) => {
    const umask = Deno.umask(0o777);
    const fd = createNew(`${folder}/new`, 0o600);
    try {
      assertEquals(Deno.statSync(`${folder}/new`).mode! & 0o777, 0);
      setMode(fd, 0o640);
      setOwner(fd, 54321, 54322);
      const { mode, uid, gid } = Deno.statSync(`${folder}/new`);
      assertEquals([mode! & 0o777, uid, gid], [0o640, 54321, 54322]);
    } finally {
      Deno.umask(umask);
      close(fd);
    }
    assertEquals(errnoOf(() => setMode(fd, 0o600)), Errno.EBADF);
    assertEquals(errnoOf(() => setOwner(fd, 0, 0)), Errno.EBADF);
  }),
);

for (const size of [0, 1, 4095, 4096, 4097, 8192, 100_001]) {
  Deno.test(
    `readTextFile() returns all of ${size} bytes`,
    inFolder((folder) => {
      const text = Array.from({ length: size }, (_, i) => i % 10).join("");
      Deno.writeTextFileSync(`${folder}/text`, text);
      assertEquals(readTextFile(`${folder}/text`), text);
    }),
  );
}

for (const size of [0, 1, 4095, 4096, 4097, 10_000, 20_000]) {
  Deno.test(
    `readBeginning() returns at most 10,000 of ${size} bytes`,
    inFolder((folder) => {
      const bytes = Uint8Array.from({ length: size }, (_, i) => i % 251);
      Deno.writeFileSync(`${folder}/bytes`, bytes);
      assertEquals(readBeginning(`${folder}/bytes`, 10_000), bytes.slice(0, 10_000));
    }),
  );
}

Deno.test(
  "readTextFile() decodes letters that lie across its pieces",
  inFolder((folder) => {
    const text = "x" + "é€😀".repeat(2000);
    Deno.writeTextFileSync(`${folder}/text`, text);
    assertEquals(readTextFile(`${folder}/text`), text);
  }),
);

Deno.test("readTextFile() reads a file of /proc, whose reported size is 0", () => {
  assertEquals(Deno.statSync("/proc/self/comm").size, 0);
  assertEquals(readTextFile("/proc/self/comm"), Deno.readTextFileSync("/proc/self/comm"));
});

Deno.test(
  "readTextFile() throws RangeError at one byte more than the limit",
  inFolder((folder) => {
    const path = `${folder}/text`;
    Deno.writeTextFileSync(path, "12345");
    assertEquals(readTextFile(path, 5), "12345");
    assertThrows(() => readTextFile(path, 4), RangeError, `"${path}" is longer than 4 bytes`);
  }),
);

Deno.test(
  "readTextFile() stops at the limit in an endless file",
  leavingNothingOpen(() => {
    assertThrows(() => readTextFile("/dev/zero", 10_000), RangeError, "longer than 10000 bytes");
  }),
);

Deno.test(
  "readTextFile() fails as open(2) and read(2) do, and leaves nothing open",
  inFolder((folder) => {
    assertEquals(errnoOf(() => readTextFile(`${folder}/none`)), Errno.ENOENT);
    assertEquals(errnoOf(() => readTextFile(folder)), Errno.EISDIR);
    assertEquals(errnoOf(() => readTextFile("/dev/null/none")), Errno.ENOTDIR);
  }),
);

Deno.test(
  "readLink() returns the target of a link, whether it exists or not",
  inFolder((folder) => {
    for (const target of ["nowhere", "ä/".repeat(1000)]) {
      const path = `${folder}/${target.length}`;
      Deno.symlinkSync(target, path);
      assertEquals(readLink(path), target);
    }
    assertEquals(errnoOf(() => readLink(folder)), Errno.EINVAL);
    assertEquals(errnoOf(() => readLink(`${folder}/none`)), Errno.ENOENT);
  }),
);

Deno.test(
  "readDirectory() returns every name once, even if one call does not return them all",
  inFolder((folder) => {
    assertEquals(readDirectory(folder), []);
    const names = Array.from({ length: 700 }, (_, i) => `${i} ${"ö".repeat(i % 100)}`);
    names.push(".hidden", "..also");
    for (const name of names) Deno.writeTextFileSync(`${folder}/${name}`, "");
    assertEquals(readDirectory(folder).sort(), names.sort());
  }),
);

Deno.test(
  "readDirectory() fails as open(2) and getdents64(2) do, and leaves nothing open",
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    assertEquals(errnoOf(() => readDirectory(`${folder}/file`)), Errno.ENOTDIR);
    assertEquals(errnoOf(() => readDirectory(`${folder}/none`)), Errno.ENOENT);
  }),
);

Deno.test("openDescriptors() lists a descriptor while it is open", () => {
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const during = openDescriptors("self");
  close(fd);
  const after = openDescriptors("self");
  assert(/^socket:\[\d+\]$/.test(during.get(fd) ?? ""), during.get(fd));
  assertEquals([...during.keys()].filter((each) => !after.has(each)), [fd]);
});

Deno.test("openDescriptors() lists the descriptors of another process", async () => {
  await using sleeper = new Deno.Command("sleep", {
    args: ["60"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const expected = [[0, "/dev/null"], [1, "/dev/null"], [2, "/dev/null"]];
  assertEquals([...openDescriptors(sleeper.pid)].slice(0, 3), expected);
  sleeper.kill("SIGKILL");
  await sleeper.status;
  assertEquals(errnoOf(() => openDescriptors(sleeper.pid)), Errno.ENOENT);
});

/** Fails with these errnos, one after another, and then succeeds. */
function failing(...errnos: number[]): () => string {
  return () => {
    const errno = errnos.shift();
    if (errno !== undefined) throw new SystemError("readlink", errno);
    return "there";
  };
}

Deno.test("unlessGone() reads twice before it returns undefined", () => {
  assertEquals(unlessGone(failing()), "there");
  for (const errno of [Errno.ENOENT, Errno.ESRCH]) {
    assertEquals(unlessGone(failing(errno)), "there");
    assertEquals(unlessGone(failing(errno, errno)), undefined);
  }
});

Deno.test("unlessGone() throws every other error, also that of the second read", () => {
  for (const errnos of [[Errno.EACCES], [Errno.ENOENT, Errno.EACCES]]) {
    assertThrows(() => unlessGone(failing(...errnos)), SystemError, "EACCES");
  }
});
