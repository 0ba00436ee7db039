#!/usr/bin/env bash
# Runs fdpass on an interface or a process of this machine: main.ts with these options, by the Deno
# that this machine has, or else by one that is brought as for scripts/netns.sh.
#
#   scripts/fdpass.sh [OPTION…] INTERFACE
#   scripts/fdpass.sh inspect [OPTION…] PID…    processes that are running
#   scripts/fdpass.sh --explain ID              also --help, --list, --version: as any user
#
# Returns the exit status of fdpass. It needs root, and asks sudo for it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/tools.sh
. "$root/scripts/tools.sh"

if [[ ${1-} == --deno ]]; then
  given_deno=$2
  shift 2
fi
if prints_text "$@"; then
  find_deno
  [[ -z $deno ]] || exec "$deno" run -A "$root/main.ts" "$@"
fi
become_root "$@"
bring_deno ip=iproute2 setpriv=util-linux
fetch_packages lib/cli/main.ts
exec deno run -A "$root/main.ts" "$@"
