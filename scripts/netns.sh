#!/usr/bin/env bash
# Runs a command in a private network namespace with a veth pair whose near end is veth-fdpass.
#
#   scripts/netns.sh                 the main job: deno run -A main.ts veth-fdpass
#   scripts/netns.sh test [ARG…]     the test suite: deno test -A [ARG…]
#   scripts/netns.sh COMMAND [ARG…]  any command
#
# Returns the exit status of the command. Root is needed; sudo is used when it is not there.
#
# Theory of operation. Nothing here is cleaned up by this script; the kernel does it. The namespaces have no name,
# and live as long as a process in them. The command runs in a PID namespace of its own, and the
# first process of that is killed with its parent (unshare --kill-child), and that with this script
# (setpriv --pdeathsig): so when any of them ends, by kill -9 too, every process in there ends, and with the last
# of them the namespaces and the interfaces go.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
deno_version=2.9.6
tools=$root/.tools

die() {
  printf 'netns.sh: %s\n' "$1" >&2
  exit "${2:-4}"
}

# need COMMAND PACKAGE: the command is there, or the package to install is named.
need() {
  command -v "$1" >/dev/null || die "\"$1\" is missing; install the package $2 (on Debian: apt-get install $2)"
}

# Puts a deno on PATH: the machine's own, or else the pinned one, brought by npm into a folder that git ignores.
bring_deno() {
  PATH=$PATH:$tools/node_modules/.bin
  command -v deno >/dev/null && return
  need npm npm
  printf 'netns.sh: no deno here; bringing deno %s into %s\n' "$deno_version" "$tools" >&2
  npm install --silent --no-audit --no-fund --prefix "$tools" "deno@$deno_version" >&2 ||
    die "npm could not install deno $deno_version"
}

# In the namespaces: the interfaces, then the command.
inside() {
  ip link set lo up
  ip link add veth-fdpass type veth peer name veth-fdpass-far
  ip link set veth-fdpass up
  ip link set veth-fdpass-far up
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
# In there nothing can be downloaded: what the code imports is fetched here.
deno install --quiet --frozen --entrypoint main.ts tests/**/*.ts

case ${1-} in
  "") set -- deno run -A main.ts veth-fdpass ;;
  test) shift && set -- deno test -A "$@" ;;
esac
setpriv --pdeathsig KILL \
  unshare --net --mount --pid --fork --kill-child --mount-proc \
  "$root/scripts/netns.sh" --inside "$@"
