import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { CannotAnswer, UsageError } from "../../../lib/evidence/errors.ts";
import { openOutputFile } from "../../../lib/host/output_file.ts";
import { refusing } from "../../e2e/here.ts";
import { testNeeding } from "../../support/needs.ts";
import { runProgram } from "../../support/programs.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const KEEP = { force: false }, FORCE = { force: true };

function inFolder(name: string, test: (folder: string) => void | Promise<void>): void {
  Deno.test(name, async () => {
    const folder = Deno.makeTempDirSync();
    try {
      await test(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

inFolder("openOutputFile() shows the file once it is complete, and not before", (folder) => {
  const path = `${folder}/report.html`;
  using file = openOutputFile(path, KEEP);
  file.write(bytes("first, "));
  assert(!names(folder).includes("report.html"));
  file.write(bytes("second"));
  file.commit();
  assertEquals(Deno.readTextFileSync(path), "first, second");
  assertEquals(names(folder), ["report.html"]);
  assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
});

inFolder("Until it is complete it has no name, so that SIGKILL leaves nothing", (folder) => {
  using file = openOutputFile(`${folder}/report.html`, KEEP);
  file.write(bytes("half"));
  assertEquals(names(folder), []);
});

for (const options of [KEEP, FORCE]) {
  const how = options.force ? "with force" : "without force";

  inFolder(`It appears in the folder that it was opened in, ${how}`, (folder) => {
    for (const name of ["wanted", "elsewhere"]) Deno.mkdirSync(`${folder}/${name}`);
    using file = openOutputFile(`${folder}/wanted/report.html`, options);
    file.write(bytes("whole"));
    // The owner of the parent folder puts a link in its place. Root's file must not follow it.
    Deno.renameSync(`${folder}/wanted`, `${folder}/moved`);
    Deno.symlinkSync("elsewhere", `${folder}/wanted`);
    file.commit();
    assertEquals([names(`${folder}/elsewhere`), names(`${folder}/moved`)], [[], ["report.html"]]);
  });

  inFolder(
    `If the folder is gone, the error says that nothing could be saved, ${how}`,
    (folder) => {
      Deno.mkdirSync(`${folder}/wanted`);
      using file = openOutputFile(`${folder}/wanted/report.html`, options);
      Deno.removeSync(`${folder}/wanted`);
      const error = assertThrows(() => file.commit(), CannotAnswer, "ENOENT");
      assertStringIncludes(error.remedy, "could not be saved");
    },
  );
}

inFolder("Disposed of before its commit, it leaves nothing", (folder) => {
  {
    using file = openOutputFile(`${folder}/report.html`, KEEP);
    file.write(bytes("half"));
  }
  assertEquals(names(folder), []);
});

inFolder("openOutputFile() refuses an existing file, without force", (folder) => {
  Deno.writeTextFileSync(`${folder}/report.html`, "precious");
  assertThrows(() => openOutputFile(`${folder}/report.html`, KEEP), UsageError, "--force");
  assertEquals(names(folder), ["report.html"]);
  assertEquals(Deno.readTextFileSync(`${folder}/report.html`), "precious");
});

inFolder(
  "With force, an existing file is replaced at the commit, and kept without one",
  (folder) => {
    const path = `${folder}/report.html`;
    Deno.writeTextFileSync(path, "precious");
    {
      using file = openOutputFile(path, FORCE);
      file.write(bytes("half"));
      assertEquals(Deno.readTextFileSync(path), "precious");
    }
    assertEquals([Deno.readTextFileSync(path), names(folder)], ["precious", ["report.html"]]);
    using file = openOutputFile(path, FORCE);
    file.write(bytes("new"));
    file.commit();
    assertEquals([Deno.readTextFileSync(path), names(folder)], ["new", ["report.html"]]);
  },
);

for (const options of [KEEP, FORCE]) {
  const how = options.force ? "with force" : "without force";

  inFolder(`A symbolic link is refused, ${how}: to a file, to nothing, to a folder`, (folder) => {
    Deno.mkdirSync(`${folder}/elsewhere`);
    Deno.writeTextFileSync(`${folder}/elsewhere/shadow`, "precious");
    const targets = ["elsewhere/shadow", "elsewhere/new", "elsewhere", "report.html"];
    for (const target of targets) {
      Deno.symlinkSync(target, `${folder}/report.html`);
      assertThrows(
        () => openOutputFile(`${folder}/report.html`, options),
        UsageError,
        "symbolic link",
      );
      Deno.removeSync(`${folder}/report.html`);
    }
    assertEquals(names(`${folder}/elsewhere`), ["shadow"]);
    assertEquals(Deno.readTextFileSync(`${folder}/elsewhere/shadow`), "precious");
  });

  inFolder(`A folder, a missing folder and a device are refused, ${how}`, (folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    const wrong: [path: string, message: string][] = [
      [folder, "is a folder"],
      [`${folder}/`, "is a folder"],
      [`${folder}/.`, "is a folder"],
      ["", "is a folder"],
      [`${folder}/missing/report.html`, "there is no folder"],
      [`${folder}/file/report.html`, "there is no folder"],
      ["/dev/null", "device"],
      [`${folder}/nul\0l`, "not a file name"],
      [`${folder}/${"x".repeat(300)}`, "ENAMETOOLONG"],
    ];
    for (const [path, message] of wrong) {
      assertThrows(() => openOutputFile(path, options), UsageError, message, path);
    }
    assertEquals(names(folder), ["file"]);
  });

  inFolder(`One run does not write one file twice, ${how}`, (folder) => {
    Deno.symlinkSync(".", `${folder}/same`);
    using _file = openOutputFile(`${folder}/report.html`, options);
    assertThrows(() => openOutputFile(`${folder}/same/report.html`, options), UsageError, "Two");
    using _other = openOutputFile(`${folder}/packets.pcapng`, options);
  });

  inFolder(`A link put there during the run is not followed, ${how}`, (folder) => {
    Deno.writeTextFileSync(`${folder}/shadow`, "precious");
    using file = openOutputFile(`${folder}/report.html`, options);
    file.write(bytes("whole"));
    Deno.symlinkSync("shadow", `${folder}/report.html`);
    const error = assertThrows(() => file.commit(), CannotAnswer);
    assertEquals(Deno.readTextFileSync(`${folder}/shadow`), "precious");
    // The results are not lost: the error says where the file is.
    const path = error.remedy.split(" as ")[1];
    assertEquals(Deno.readTextFileSync(path), "whole");
  });
}

inFolder("A file put there during the run is not replaced, without force", (folder) => {
  using file = openOutputFile(`${folder}/report.html`, KEEP);
  file.write(bytes("whole"));
  Deno.writeTextFileSync(`${folder}/report.html`, "precious");
  const error = assertThrows(() => file.commit(), CannotAnswer);
  assertEquals(Deno.readTextFileSync(`${folder}/report.html`), "precious");
  assertEquals(Deno.readTextFileSync(error.remedy.split(" as ")[1]), "whole");
});

inFolder("Programs started while it is open do not inherit it", async (folder) => {
  using _file = openOutputFile(`${folder}/report.html`, KEEP);
  const { stdout } = await runProgram("ls", ["-l", "/proc/self/fd"]);
  assertEquals(stdout.includes(folder), false);
});

/** Mounts a file system in its own mount namespace, opens a file there, and returns the output. */
async function openedOn(mount: string, before: string): Promise<string> {
  const folder = Deno.makeTempDirSync();
  const program = `
    import { openOutputFile } from "./lib/host/output_file.ts";
    try {
      using file = openOutputFile("${folder}/report.html", { force: false });
      file.commit();
      console.log("opened");
    } catch (error) {
      console.log(error.name, error.message, error.remedy);
    }`;
  try {
    const script = `mount ${mount} "$1" && ${before} && exec "$2" eval --no-lock "$3"`;
    const { stdout, stderr } = await runProgram("unshare", [
      "--mount",
      "sh",
      "-c",
      script,
      "sh",
      folder,
      Deno.execPath(),
      program,
    ]);
    return stdout + stderr;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const mounting = { root: true, programs: { unshare: "util-linux", mount: "mount" } };

testNeeding(mounting, "A full disk is an error before anything runs", async () => {
  for (const size of ["8k", "512k"]) { // the latter would take the beginning of a page
    const full = await openedOn(`-t tmpfs -o size=${size} tmpfs`, "true");
    assertStringIncludes(full, "CannotAnswer");
    assertStringIncludes(full, "write: ENOSPC");
  }
});

testNeeding(mounting, "A read-only file system is an error before anything runs", async () => {
  const readOnly = await openedOn("-t tmpfs -o ro tmpfs", "true");
  assertStringIncludes(readOnly, "CannotAnswer");
  assertStringIncludes(readOnly, "open: EROFS");
});

testNeeding(mounting, "On a disk with room the file is opened", async () => {
  assertEquals(await openedOn("-t tmpfs -o size=2m tmpfs", "true"), "opened\n");
});

testNeeding(
  { root: true, programs: { setpriv: "util-linux" } },
  "No permission is an error before anything runs",
  async () => {
    const folder = Deno.makeTempDirSync();
    try {
      // Root without the capabilities that override the mode of a folder.
      Deno.chmodSync(folder, 0o500);
      const { stdout } = await runProgram("setpriv", [
        "--bounding-set=-dac_override,-dac_read_search",
        "--inh-caps=-dac_override,-dac_read_search",
        Deno.execPath(),
        "eval",
        "--no-lock",
        `import { openOutputFile } from "./lib/host/output_file.ts";
         try {
           openOutputFile("${folder}/report.html", { force: false });
         } catch (error) {
           console.log(error.name, error.message);
         }`,
      ]);
      assertStringIncludes(stdout, "CannotAnswer");
      assertStringIncludes(stdout, "open: EACCES");
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
);

/** O_TMPFILE, O_WRONLY and O_CLOEXEC together, as openat(2) receives them. */
const UNNAMED = 0x480001 | (Deno.build.arch === "aarch64" ? 0x4000 : 0x10000);

for (const ending of ["file.commit();", "", "file.commit(); // with force"]) {
  const force = ending.includes("with force");
  const what = ending === "" ? "leaves nothing" : force ? "replaces" : "appears";
  testNeeding(
    { root: true },
    `Without support for unnamed files, it has a random name, and ${what} at its end`,
    async () => {
      const folder = Deno.makeTempDirSync();
      try {
        if (force) Deno.writeTextFileSync(`${folder}/report.html`, "old");
        const [program, ...args] = refusing("openat", "EOPNOTSUPP", { 2: UNNAMED });
        const { stdout, stderr } = await runProgram(program, [
          ...args,
          Deno.execPath(),
          "eval",
          "--no-lock",
          `import { openOutputFile } from "./lib/host/output_file.ts";
           using file = openOutputFile("${folder}/report.html", { force: ${force} });
           file.write(new TextEncoder().encode("whole"));
           console.log([...Deno.readDirSync("${folder}")].map(({ name }) => name).sort().join());
           ${ending}`,
        ]);
        assertEquals(stderr, "");
        assertMatch(stdout, force ? /^\.fdpass-[\w-]+,report.html\n$/ : /^\.fdpass-[\w-]+\n$/);
        assertEquals(names(folder), ending === "" ? [] : ["report.html"]);
        if (ending !== "") assertEquals(Deno.readTextFileSync(`${folder}/report.html`), "whole");
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
    },
  );
}
