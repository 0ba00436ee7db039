/** Files go to the user behind sudo, where that user could have made them, and only there. */

import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../lib/evidence/errors.ts";
import { openOutputFile } from "../../../lib/host/output_file.ts";
import { mayCreate, sudoUser } from "../../../lib/host/sudo_user.ts";
import { testNeeding } from "../../support/needs.ts";
import { runProgram } from "../../support/programs.ts";

const needs = { root: true, programs: { setpriv: "util-linux" } };

/** A user that every system has, and one that none has. */
const DAEMON = { uid: 1, gid: 1 }, OTHER = { uid: 54321, gid: 54321 };

const asked = (uid?: string, gid?: string) =>
  sudoUser((name) => ({ SUDO_UID: uid, SUDO_GID: gid })[name]);

testNeeding(needs, "sudoUser() believes the number of a user that exists, and nothing else", () => {
  assertEquals(asked("1", "1"), DAEMON);
  assertEquals(asked("1", "54321"), { uid: 1, gid: 54321 }, "the group that sudo reports");
  for (const gid of [undefined, "", "-1", "4294967295", "x"]) assertEquals(asked("1", gid), DAEMON);
  for (
    const uid of [
      undefined,
      "",
      "0",
      "00",
      "54321",
      "-1",
      "+1",
      "1.0",
      "1 ",
      "0x1",
      "1e0",
      "daemon",
    ]
      .concat("4294967295", "4294967297", "99999999999")
  ) assertEquals(asked(uid, "1"), undefined, uid);
});

/** A folder as a user may find it, and whether a file named `report` there can be the user's. */
const FOLDERS: [what: string, owner: typeof DAEMON, mode: number, file: string, may: boolean][] = [
  ["the user's own", DAEMON, 0o700, "", true],
  ["the user's own, closed", DAEMON, 0o500, "", false],
  ["root's", { uid: 0, gid: 0 }, 0o755, "", false],
  ["root's, open to the user's group", { uid: 0, gid: 1 }, 0o770, "", true],
  ["root's, open to everybody", { uid: 0, gid: 0 }, 0o777, "", true],
  ["another user's", OTHER, 0o755, "", false],
  ["another user's, open to everybody", OTHER, 0o777, "root", true],
  ["the user's own, with a file of root's", DAEMON, 0o755, "root", true],
  ["sticky", { uid: 0, gid: 0 }, 0o1777, "", true],
  ["sticky, with a file of the user's", { uid: 0, gid: 0 }, 0o1777, "user", true],
  ["sticky, with a file of root's", { uid: 0, gid: 0 }, 0o1777, "root", false],
  ["sticky and the user's own, with a file of root's", DAEMON, 0o1777, "root", true],
];

function inFolder(test: (folder: string) => void): void {
  const parent = Deno.makeTempDirSync();
  try {
    Deno.chmodSync(parent, 0o755);
    Deno.mkdirSync(`${parent}/folder`);
    test(`${parent}/folder`);
  } finally {
    Deno.removeSync(parent, { recursive: true });
  }
}

for (const [what, owner, mode, file, may] of FOLDERS) {
  testNeeding(needs, `mayCreate() in a folder that is ${what}: ${may}`, () =>
    inFolder((folder) => {
      if (file !== "") Deno.writeTextFileSync(`${folder}/report`, "old");
      if (file === "user") Deno.chownSync(`${folder}/report`, DAEMON.uid, DAEMON.gid);
      Deno.chmodSync(folder, mode);
      Deno.chownSync(folder, owner.uid, owner.gid);
      assertEquals(mayCreate(DAEMON, folder, "report"), may);
    }));
}

/** Runs something as root behind sudo, with an umask. */
function bySudo(umask: number, act: () => void): void {
  const before = Deno.umask(umask);
  Deno.env.set("SUDO_UID", "1");
  Deno.env.set("SUDO_GID", "1");
  try {
    act();
  } finally {
    Deno.umask(before);
    Deno.env.delete("SUDO_UID");
    Deno.env.delete("SUDO_GID");
  }
}

function written(path: string, force: boolean): string {
  using file = openOutputFile(path, { force });
  file.write(new TextEncoder().encode("new"));
  file.commit();
  const { mode, uid, gid } = Deno.lstatSync(path);
  return `${uid}:${gid} ${(mode! & 0o7777).toString(8)} ${Deno.readTextFileSync(path)}`;
}

testNeeding(
  needs,
  "A file is the user's, of mode 0600 whatever the umask, also in place of root's",
  () =>
    inFolder((folder) => {
      Deno.chownSync(folder, DAEMON.uid, DAEMON.gid);
      for (const umask of [0o022, 0o777, 0]) {
        bySudo(umask, () => assertEquals(written(`${folder}/${umask}`, false), "1:1 600 new"));
      }
      Deno.writeTextFileSync(`${folder}/old`, "root's", { mode: 0o644 });
      Deno.linkSync(`${folder}/old`, `${folder}/../precious`);
      bySudo(0o077, () => assertEquals(written(`${folder}/old`, true), "1:1 600 new"));
      const { uid, mode } = Deno.statSync(`${folder}/../precious`);
      assertEquals([uid, mode! & 0o777], [0, 0o644], "the other name of the file");
      assertEquals(Deno.readTextFileSync(`${folder}/../precious`), "root's");
      Deno.symlinkSync("../precious", `${folder}/link`);
      bySudo(0o077, () => {
        assertThrows(() => written(`${folder}/link`, true), UsageError, "symbolic link");
      });
    }),
);

testNeeding(
  needs,
  "A file in root's folder stays root's, and so does one without sudo",
  () =>
    inFolder((folder) => {
      bySudo(0o777, () => assertEquals(written(`${folder}/report`, false), "0:0 600 new"));
      Deno.chownSync(folder, DAEMON.uid, DAEMON.gid);
      assertEquals(written(`${folder}/other`, false), "0:0 600 new");
      Deno.chownSync(folder, 0, 0);
      Deno.chmodSync(folder, 0o1777);
      bySudo(0o022, () => assertEquals(written(`${folder}/report`, true), "0:0 600 new", "sticky"));
      bySudo(0o022, () => assertEquals(written(`${folder}/new`, false), "1:1 600 new", "sticky"));
    }),
);

testNeeding(
  needs,
  "Where the owner cannot be changed, the file is root's, and written all the same",
  async () => {
    const folder = Deno.makeTempDirSync();
    try {
      const program = `
        import { openOutputFile } from "./lib/host/output_file.ts";
        using file = openOutputFile("${folder}/report", { force: false });
        file.write(new TextEncoder().encode("whole"));
        file.commit();
        console.log(Deno.statSync("${folder}/report").uid);`;
      Deno.chmodSync(folder, 0o777);
      const { stdout, stderr } = await runProgram("setpriv", [
        ...["--bounding-set=-chown", "--inh-caps=-chown", Deno.execPath(), "eval", "--no-lock"],
        program,
      ], { env: { SUDO_UID: "1", SUDO_GID: "1" } });
      assertEquals([stdout, stderr], ["0\n", ""]);
      assertEquals(Deno.readTextFileSync(`${folder}/report`), "whole");
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
);
