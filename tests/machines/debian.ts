/**
 * A minimal Debian in a folder, for programs that run there by chroot(2). debootstrap makes it once
 * and keeps it in `.tools/machines`; each test has a copy.
 *
 * @module
 */

import { type Outcome, ROOT, runProgram } from "../support/programs.ts";

const CACHE = `${ROOT}/.tools/machines`;

/** The certificates of this machine, and where the Debian has them: no package writes there. */
const [OUR_CERTIFICATES, CERTIFICATES] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/ours.crt"];

/** Files of the project that a run needs, and those of the tests that this folder runs. */
const PROJECT = ["main.ts", "deno.json", "deno.lock", "ffi", "lib", "schema", "scripts", "tests"];

/** How to enter: with the folder as a mount point, as a container has it, or as a folder alone. */
const ENTER = {
  mounted: `
    mount --make-rprivate /
    mount --bind "$0" "$0"
    mount -t proc proc "$0/proc"
    exec chroot "$0" "$@"`,
  folder: 'exec chroot "$0" "$@"',
};

/** The Debian. Removed at the end of the scope of an `await using`. */
export class Debian implements AsyncDisposable {
  private constructor(
    /** Its folder on this machine. */
    readonly folder: string,
  ) {}

  /**
   * Makes a minimal Debian with the project in `/srv/fdpass`, and with the certificates of this
   * machine, which may have some of its own. The first call for a suite needs a network.
   *
   * @param suite Such as `bookworm`.
   */
  static async make(suite: string): Promise<Debian> {
    const base = `${CACHE}/${suite}`;
    if (!await isThere(base)) await bootstrap(suite, base);
    const debian = new Debian(await Deno.makeTempDir());
    await succeed("chmod", "755", debian.folder);
    await succeed("cp", "-a", `${base}/.`, debian.folder);
    await succeed("cp", "/etc/resolv.conf", `${debian.folder}/etc`);
    const hosts = `127.0.0.1 localhost ${Deno.hostname()}\n`; // sudo looks up the name of its host
    await Deno.writeTextFile(`${debian.folder}/etc/hosts`, hosts);
    await succeed("cp", OUR_CERTIFICATES, `${debian.folder}${CERTIFICATES}`);
    await Deno.mkdir(`${debian.folder}/srv/fdpass`);
    await succeed("cp", "-r", ...PROJECT, `${debian.folder}/srv/fdpass`);
    return debian;
  }

  /**
   * Runs a line of shell in `/srv/fdpass`, with nothing of this machine's environment.
   *
   * @param as The user.
   * @param how Whether the folder is a mount point.
   */
  run(
    line: string,
    { as = "root", how = "mounted" as keyof typeof ENTER } = {},
  ): Promise<Outcome> {
    const home = as === "root" ? "/root" : `/home/${as}`;
    return runProgram("unshare", [
      ...["--mount", "sh", "-ec", ENTER[how], this.folder],
      ...["setpriv", `--reuid=${as}`, `--regid=${as}`, "--init-groups"],
      ...["env", "-i", `HOME=${home}`, "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      ...[`NODE_EXTRA_CA_CERTS=${CERTIFICATES}`, "NO_COLOR=1", "DENO_NO_UPDATE_CHECK=1"],
      ...["sh", "-c", `cd /srv/fdpass && ${line}`],
    ], { timeout: 600_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function bootstrap(suite: string, folder: string): Promise<void> {
  const mirror = await succeed(
    "apt-get",
    "indextargets",
    "--format",
    "$(REPO_URI)",
    "Origin: Debian",
  );
  await Deno.mkdir(CACHE, { recursive: true });
  const unfinished = await Deno.realPath(await Deno.makeTempDir({ dir: CACHE }));
  await succeed("chmod", "755", unfinished);
  await succeed("debootstrap", "--variant=minbase", suite, unfinished, mirror.split("\n")[0]);
  await Deno.rename(unfinished, folder);
}

async function succeed(program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, args, { timeout: 600_000 });
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr || stdout}`);
  return stdout;
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}
