/**
 * A service that is not root, as systemd starts it with `User=` and `AmbientCapabilities=`.
 *
 * @module
 */

import { ROOT } from "./programs.ts";

/** Its user, which need not exist. */
export const SERVICE_UID = 1001;

/**
 * Shows, in a mount namespace, the project, Deno, and what Deno has downloaded: a service cannot
 * enter a private home. The service has a DENO_DIR of its own, in memory.
 *
 *     sh -c SHOW sh USER DOWNLOADS PROJECT DENO COMMAND…
 */
const SHOW = `
set -eu
user=$1 downloads=$2 project=$3 deno=$4
shift 4
mount -t tmpfs -o mode=0755 service /mnt
mkdir -p /mnt/cache/npm /mnt/project
: >/mnt/deno
mount --bind "$downloads" /mnt/cache/npm
mount --bind "$project" /mnt/project
mount --bind "$deno" /mnt/deno
chown "$user:$user" /mnt/cache
cd /mnt/project
export DENO_DIR=/mnt/cache
exec "$@"
`;

/** The project's Deno, as the service sees it. */
export const SERVICE_DENO = "/mnt/deno";

/**
 * Returns the words before a command that make it such a service. Root starts it.
 *
 * @param capabilities Its ambient capabilities, as setpriv(1) names them: `net_raw`, …
 * @param options Further options of setpriv(1).
 */
export function asService(
  capabilities: readonly string[],
  options: readonly string[] = [],
): string[] {
  const set = ["-all", ...capabilities.map((name) => `+${name}`)].join(",");
  return [
    ...["unshare", "--mount", "sh", "-c", SHOW, "sh"],
    ...[String(SERVICE_UID), `${denoDir()}/npm`, ROOT, Deno.execPath()],
    ...["setpriv", `--reuid=${SERVICE_UID}`, `--regid=${SERVICE_UID}`, "--clear-groups"],
    ...[`--inh-caps=${set}`, `--ambient-caps=${set}`, ...options, "--"],
  ];
}

function denoDir(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`;
  return Deno.env.get("DENO_DIR") ?? `${cache}/deno`;
}

/** What a supervisor must have. */
export const LEAST = ["net_raw", "setuid", "setgid"] as const;

/** What it needs for an answer. */
export const ENOUGH = [...LEAST, "sys_ptrace", "kill"] as const;
