#!/usr/bin/env bash
# Runs a command in a private network namespace with a veth pair whose near end is veth-fdpass.
#
#   scripts/netns.sh                 the default experiment: deno run -A main.ts veth-fdpass
#   scripts/netns.sh test [ARG…]     the test suite: deno test -A [ARG…]
#   scripts/netns.sh COMMAND [ARG…]  any command
#
# Returns the exit status of the command. Needs root, and uses sudo to get it.
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

# In the namespaces: the interfaces, then the command.
inside() {
  ip link set lo up
  ip link add veth-fdpass type veth peer name veth-fdpass-far
  ip link set veth-fdpass up
  ip link set veth-fdpass-far up
  # A new namespace inherits the machine's setting for all interfaces. Turned off, each interface's
  # own setting decides.
  { echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; } 2>/dev/null || true
  "$@"
}

if [[ ${1-} == --inside ]]; then
  shift
  inside "$@"
  exit
fi

if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || die "root is needed, and there is no sudo: run this as root"
  exec sudo -- "${BASH_SOURCE[0]}" "$@"
fi

need unshare util-linux
need setpriv util-linux
need ip iproute2
bring_deno
cd "$root"
fetch_packages # in there nothing can be downloaded

case ${1-} in
  "") set -- deno run -A main.ts veth-fdpass ;;
  test) shift && set -- deno test -A "$@" ;;
esac
setpriv --pdeathsig KILL \
  unshare --net --mount --pid --fork --kill-child --mount-proc \
  "$root/scripts/netns.sh" --inside "$@"
