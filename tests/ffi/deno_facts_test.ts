/**
 * Behaviour of Deno on which the code relies, and which its documentation does not promise.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { cString, libc, O_RDONLY, setCloseOnExec } from "../../ffi/mod.ts";
import { libcFolder } from "../../lib/harness/process.ts";
import { ROOT } from "../support/programs.ts";
import { run } from "./programs.ts";

Deno.test("A child inherits a descriptor without close-on-exec under the same number, and none with close-on-exec", async () => {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(path, "from the parent");
    const fd = libc.open(cString(path), O_RDONLY, 0);
    try {
      for (const closeOnExec of [true, false]) {
        setCloseOnExec(fd, closeOnExec);
        const { stdout } = await run(["sh", "-c", `cat /proc/self/fd/${fd} 2>/dev/null`]);
        assertEquals(stdout, closeOnExec ? "" : "from the parent");
      }
    } finally {
      libc.close(fd);
    }
  } finally {
    Deno.removeSync(path);
  }
});

/** Runs a program in a folder with the permission to call libc alone. */
async function confinedIn(cwd: string) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-ffi=libc.so.6",
      "--no-prompt",
      "--no-config",
      `${ROOT}/tests/ffi/programs/confined.ts`,
    ],
    cwd,
    env: { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("In libc's folder, --allow-ffi=libc.so.6 suffices for ffi/, errno and /proc included", async () => {
  const { code, stdout, stderr } = await confinedIn(libcFolder());
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertEquals(JSON.parse(stdout), { errno: "EBADF", withLibc: "deno", withDeno: "NotCapable" });
});

Deno.test("--allow-ffi=libc.so.6 names a file in the working directory", async () => {
  const { code, stderr } = await confinedIn("/");
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Could not open library: /libc.so.6");
});

Deno.test("A result of type isize is a bigint, and never === -1", () => {
  const library = Deno.dlopen("libc.so.6", {
    read: { parameters: ["i32", "pointer", "usize"], result: "isize" },
  });
  const result = library.symbols.read(-1, null, 0n);
  library.close();
  assertEquals(result, -1n);
});

Deno.test("Deno runs several threads, so to change the credentials of one is not enough", () => {
  assert([...Deno.readDirSync("/proc/self/task")].length > 1);
});
