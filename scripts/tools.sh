# Functions that the scripts share. To be sourced, with $root as the folder of the project.
# shellcheck shell=bash
: "${root:?}"

deno_version=2.9.6 # the one that is brought; and in scripts/deno
oldest_deno=2.6    # and in lib/host/deno_version.ts
tools=$root/.tools # git ignores it

say() { printf '%s: %s\n' "${0##*/}" "$1" >&2; }

# die MESSAGE: ends the script with status 4, because the question cannot be answered here.
die() {
  say "$1"
  exit 4
}

is_root() { [[ $(id -u) -eq 0 ]]; }

# need COMMAND=PACKAGE…: installs the packages of the commands that are missing. Where that cannot be
# done, it ends the script, with one command that installs all of them.
need() {
  local pair commands=() packages=() install said
  for pair in "$@"; do
    command -v "${pair%=*}" >/dev/null && continue
    commands+=("\"${pair%=*}\"")
    [[ " ${packages[*]-} " == *" ${pair#*=} "* ]] || packages+=("${pair#*=}")
  done
  [[ ${#commands[@]} -gt 0 ]] || return 0
  install="apt-get install --no-install-recommends ${packages[*]}"
  if ! is_root || ! command -v apt-get >/dev/null; then
    die "missing: ${commands[*]}; install the packages ${packages[*]} (on Debian, as root: $install)"
  fi
  say "missing: ${commands[*]}; running $install"
  said=$(apt_install "${packages[@]}" 2>&1) || {
    apt-get update -qq >/dev/null 2>&1 </dev/null || true
    said=$(apt_install "${packages[@]}" 2>&1) || die "\"$install\" failed: ${said##*$'\n'}"
  }
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" </dev/null
}

# become_root ARG…: unless this is root, starts the script once more by sudo, and hands on the Deno
# that the user has. A refusal of sudo must not look like the status of the command (both are 1).
become_root() {
  is_root && return
  command -v sudo >/dev/null || die "root is needed, and there is no sudo: run this as root"
  sudo -l -- "$0" "$@" >/dev/null || die "root is needed, and sudo refuses it: run this as root"
  find_deno
  exec sudo -- "$0" ${deno:+--deno "$deno"} "$@"
}

# Every place where a Deno may be, in order of preference. $given_deno is what the user's own start of
# the script found. sudo resets PATH and HOME, so the home of the user who called it is a place too.
deno_places() {
  local home user_home=
  [[ -z ${given_deno-} ]] || echo "$given_deno"
  type -aP deno || true
  [[ -z ${DENO_INSTALL-} ]] || echo "$DENO_INSTALL/bin/deno"
  if [[ -n ${SUDO_USER-} ]]; then
    IFS=: read -r _ _ _ _ _ user_home _ <<<"$(getent passwd "$SUDO_USER")"
  fi
  for home in "$user_home" "${HOME-}"; do
    [[ -z $home ]] || printf '%s\n' "$home"/{.deno,.local,.cargo,.nix-profile}/bin/deno
  done
  printf '%s\n' /usr/local/bin/deno /snap/bin/deno /home/linuxbrew/.linuxbrew/bin/deno
  printf '%s\n' "$tools"/node_modules/@deno/*/deno
}

# version_of DENO: such as 2.9.6; nothing if it does not run here.
version_of() {
  local words
  words=$("$1" --version 2>/dev/null </dev/null) && [[ $words =~ ^deno\ ([0-9]+\.[0-9]+[^ ]*) ]] &&
    echo "${BASH_REMATCH[1]}"
}

is_new_enough() {
  local major minor
  IFS=. read -r major minor _ <<<"$1"
  ((major > ${oldest_deno%.*} || (major == ${oldest_deno%.*} && minor >= ${oldest_deno#*.})))
}

# Sets $deno to the first Deno that is new enough, and $too_old to one that is not. Each is empty
# if there is none.
find_deno() {
  local place version
  deno='' too_old=''
  while read -r place; do
    [[ -x $place && -f $place ]] || continue
    version=$(version_of "$place") || continue
    if is_new_enough "$version"; then
      deno=$place
      return
    fi
    too_old="$place is Deno $version, and $oldest_deno or later is needed"
  done <<<"$(deno_places)"
}

# bring_deno COMMAND=PACKAGE…: puts a Deno on PATH: the machine's own, or else the pinned one, which
# npm installs. Its checksum is in scripts/deno/package-lock.json, so root runs what we ran. The
# commands are needed as well; what is missing of them and npm is named at once.
bring_deno() {
  find_deno
  if [[ -n $deno ]]; then
    need "$@"
    [[ -z $too_old ]] || say "$too_old; using $deno"
  else
    need "$@" npm=npm
    install_deno
  fi
  if is_root && [[ ! -O $deno ]]; then say "root runs $deno, which belongs to $(stat -Lc %U "$deno")"; fi
  case $(command -v deno) in
    "$deno") ;;
    "") PATH=$PATH:${deno%/*} ;;
    *) PATH=${deno%/*}:$PATH ;; # before the one that is too old
  esac
}

# What root runs must be root's: only root installs it.
install_deno() {
  local said
  is_root || die "${too_old:-no Deno found}; scripts/netns.sh installs one, as root"
  say "${too_old:-no Deno found}; installing Deno $deno_version into $tools"
  mkdir -p "$tools"
  cp "$root"/scripts/deno/package*.json "$tools"
  said=$(npm install --loglevel error --ignore-scripts --no-audit --no-fund --prefix "$tools" 2>&1 </dev/null) ||
    die "npm could not install Deno $deno_version: is there a network? ${said//$'\n'/ }"
  find_deno
  [[ -n $deno ]] || die "npm installed no Deno that runs on this machine"
  chown -R 0:0 "$tools/node_modules" # some versions of npm give it to the owner of the folder
}

# fetch_packages MODULE…: fetches what these modules of the project import.
fetch_packages() {
  local said
  said=$(cd "$root" && NO_COLOR=1 deno install --quiet --frozen --entrypoint "$@" 2>&1 </dev/null) && return
  said=${said#*error: }
  die "the packages in deno.lock are not here, and Deno could not fetch them (${said%%$'\n'*}): the first run needs a network"
}

# prints_text OPTION…: whether fdpass only prints a text, for which it needs no privilege.
prints_text() {
  local option
  for option in "$@"; do
    case $option in
      -h | --help | --version | -l | --list | --explain | --explain=*) return 0 ;;
    esac
  done
  return 1
}
