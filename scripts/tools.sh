# Functions that the scripts share. To be sourced, with $root as the folder of the project.
# shellcheck shell=bash
: "${root:?}"

deno_version=2.9.6 # and in scripts/deno

# die MESSAGE: ends the script with status 4, because the question cannot be answered here.
die() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit 4
}

# need COMMAND PACKAGE: ends the script with the package to install if the command is missing.
need() {
  command -v "$1" >/dev/null || die "\"$1\" is missing; install the package $2 (on Debian: apt-get install $2)"
}

# Puts a deno on PATH: the machine's own, or else the pinned one, which npm installs into a folder
# that git ignores. Its checksum is in scripts/deno/package-lock.json, so root runs what we ran.
bring_deno() {
  local tools=$root/.tools
  command -v deno >/dev/null && return
  PATH=$PATH:$(echo "$tools"/node_modules/@deno/*)
  command -v deno >/dev/null && return
  need npm npm
  printf '%s: no deno found; installing deno %s into %s\n' "${0##*/}" "$deno_version" "$tools" >&2
  mkdir -p "$tools"
  cp "$root"/scripts/deno/package*.json "$tools"
  npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$tools" >&2 ||
    die "npm could not install deno $deno_version"
  PATH=$PATH:$(echo "$tools"/node_modules/@deno/*)
  command -v deno >/dev/null || die "npm installed no deno that runs on this machine"
}

# Fetches what the code imports.
fetch_packages() {
  deno install --quiet --frozen --entrypoint main.ts tests/support/packages.ts
}
