#!/usr/bin/env bash
# Runs a command in a private network namespace with a veth pair whose near end is veth-fdpass.
#
#   scripts/netns.sh [OPTION…]       the main job: fdpass with these options on veth-fdpass
#   scripts/netns.sh test            the test suite, in two lanes: scripts/run_tests.ts
#   scripts/netns.sh test ARG…       some tests: deno test -A ARG…
#   scripts/netns.sh COMMAND [ARG…]  any command, in the folder of the project
#
# Returns the exit status of the command. If the command could not be started here, the status is 4,
# with the reason and a remedy in one line. It needs root, and asks sudo for it. Missing packages are
# installed by apt-get, and Deno by npm; each is announced.
#
# The kernel cleans up, not this script. The namespaces have no names, and live as long as a
# process in them. The command runs in a PID namespace of its own, whose first process is killed
# with its parent (unshare --kill-child), which is killed with this script (setpriv --pdeathsig).
# So when any of them ends, even by kill -9, every process in there ends, and with the last one the
# namespaces and the interfaces.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/tools.sh
. "$root/scripts/tools.sh"

# inside FD COMMAND…: in the namespaces: the interfaces, then the command. Until it starts, standard
# error is the journal of the caller; FD is the real one.
inside() {
  local stderr=$1
  shift
  echo inside >&2
  ip link set lo up
  ip link add veth-fdpass type veth peer name veth-fdpass-far
  ip link set veth-fdpass up
  ip link set veth-fdpass-far up
  # A new namespace inherits the machine's setting for all interfaces. Turned off, each interface's
  # own setting decides.
  { echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; } 2>/dev/null || true
  echo ready >&2
  exec 2>&"$stderr" {stderr}>&-
  "$@"
}

# explain JOURNAL: says why the command was not started, and what would help.
explain() {
  local journal=$1 words
  words=$(tr -s '\n' ' ' <<<"${journal#inside$'\n'}")
  case $journal in
    *filesystem\ propagation*)
      die "no private namespace in a chroot whose folder is not a mount point (${words% }): run this outside of it, or first, out there: mount --bind FOLDER FOLDER"
      ;;
    inside*not\ permitted*)
      die "no veth pair without CAP_NET_ADMIN (${words% }): run this on the host, or in a container that is --privileged"
      ;;
    inside*)
      die "no veth pair here (${words% }): load the kernel's module (modprobe veth), or run this on a kernel that has it"
      ;;
    *not\ permitted* | *denied*)
      die "no private namespace without CAP_SYS_ADMIN (${words% }): run this on the host, or in a container that is --privileged"
      ;;
    *No\ space*)
      die "no private namespace, because their number is limited (${words% }): see sysctl user.max_net_namespaces, user.max_pid_namespaces and user.max_mnt_namespaces"
      ;;
    *)
      die "no private namespace here (${words% }): run this on a kernel that has them, on the host"
      ;;
  esac
}

if [[ ${1-} == --inside ]]; then
  shift
  inside "$@"
  exit
fi
if [[ ${1-} == --deno ]]; then
  given_deno=$2
  shift 2
fi
if [[ ${1-} == -* ]] && prints_text "$@"; then
  find_deno
  [[ -z $deno ]] || exec "$deno" run -A "$root/main.ts" "$@"
fi

become_root "$@"
bring_deno ip=iproute2 setpriv=util-linux unshare=util-linux

# In there nothing can be downloaded.
case " $* " in
  " test "* | *" deno test "* | *" task "* | *tests/* | *bench/* | *scripts/*)
    fetch_packages lib/cli/main.ts tests/support/packages.ts
    ;;
  *) fetch_packages lib/cli/main.ts ;;
esac
case ${1-} in
  "" | -*) set -- deno run -A "$root/main.ts" veth-fdpass "$@" ;;
  test)
    cd "$root"
    case $* in
      test | "test --no-check") set -- deno run -A "$root/scripts/run_tests.ts" "${@:2}" ;;
      *) set -- deno test -A "${@:2}" ;;
    esac
    ;;
  *) cd "$root" ;;
esac

{ : >&2; } 2>/dev/null || exec 2>/dev/null
file=$(mktemp) || die "no temporary file can be made: free some room in ${TMPDIR:-/tmp}"
exec {writing}>"$file" {stderr}>&2
exec {reading}<"$file"
rm "$file"
status=0
(
  exec 2>&"$writing" {writing}>&- {reading}<&-
  exec setpriv --pdeathsig KILL \
    unshare --net --mount --pid --fork --kill-child --mount-proc \
    "$root/scripts/netns.sh" --inside "$stderr" "$@"
) || status=$?
journal=$(cat <&"$reading")
[[ $journal == *$'\n'ready* ]] || explain "$journal"
exit "$status"
