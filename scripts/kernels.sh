#!/usr/bin/env bash
# Runs the experiments on Debian's own kernels, each in a virtual machine, and prints the results.
#
#   scripts/kernels.sh                    every series that Debian's mirror has
#   scripts/kernels.sh 5.10 6.1 7.0       these
#   ARCH=arm64 scripts/kernels.sh 6.12    on another processor (amd64, arm64)
#   EXPERIMENTS="io-uring relay" SECONDS_EACH=600 scripts/kernels.sh 6.1
#   KERNEL_ARGUMENTS=sysctl.kernel.io_uring_disabled=1 scripts/kernels.sh 6.12
#
# A guest is a kernel and an archive of files (initramfs), without a disk image, a mount or a
# network. The archive holds a small Debian (packages unpacked, not installed), Deno, this project,
# and the kernel's modules; its first process is scripts/kernels_init.sh. The evidence comes back as
# a tar file on a raw disk. Packages come from the mirror of this machine, by an apt whose folders
# are all under .tools/kernels, like everything else that this script writes. A guest that does not
# end is killed. Without hardware virtualization a guest is some twenty times slower than this
# machine.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/tools.sh
. "$root/scripts/tools.sh"

arch=${ARCH:-amd64}
experiments=${EXPERIMENTS:-privilege-drop privilege-drop:--harden authority io-uring receive-paths supervisor relay}
seconds=${SECONDS_EACH:-600}
kernel_arguments=${KERNEL_ARGUMENTS:-}
guest_timeout=${GUEST_TIMEOUT:-3600}
kernels=$root/.tools/kernels
place=$kernels/$arch
suites="bullseye bookworm bookworm-backports trixie trixie-backports forky sid"
base_suite=bookworm
base_packages="bash coreutils dash iproute2 kmod libgcc-s1 login mount tar util-linux"

case $arch in
  amd64) machine=x86_64 console=ttyS0 npm_name=x64 qemu_package=qemu-system-x86 hardware=(-M q35 -cpu max) ;;
  arm64) machine=aarch64 console=ttyAMA0 npm_name=arm64 qemu_package=qemu-system-arm hardware=(-M virt -cpu cortex-a72) ;;
  *) die "ARCH is amd64 or arm64, not \"$arch\"" ;;
esac
# PVM has /dev/kvm without these flags, and runs only its own kernel.
if [[ $arch == amd64 && -w /dev/kvm ]] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
  hardware=(-M q35 -cpu host -accel kvm)
fi

# A private apt: its own lists and cache, and nothing of what is installed here.
private_apt() {
  local command=$1
  shift
  "$command" -qq -o Dir::State="$place/apt" -o Dir::State::status="$place/apt/status" -o Dir::Cache="$place/apt/cache" \
    -o Dir::Cache::pkgcache=pkgcache.bin -o Dir::Cache::srcpkgcache=srcpkgcache.bin \
    -o Dir::Etc::sourcelist="$place/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
}

bring_lists() {
  mkdir -p "$place/apt/lists/partial" "$place/apt/cache/archives/partial"
  : >"$place/apt/status"
  local mirror suite
  # shellcheck disable=SC2016 # apt's own variable
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
  [[ -n $mirror ]] || die "apt knows no Debian mirror here; a Debian machine is needed"
  for suite in $suites; do
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$suite"
  done >"$place/apt/sources.list"
  private_apt apt-get update || die "the package lists could not be fetched"
}

# unpack FOLDER PACKAGE…: moves /bin, /sbin and /lib to /usr, as on an installed Debian.
unpack() {
  local folder=$1 package merged
  shift
  mkdir -p "$folder"
  for merged in bin sbin lib lib64; do
    mkdir -p "$folder/usr/$merged"
    ln -sfn "usr/$merged" "$folder/$merged"
  done
  for package in "$@"; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder" --keep-directory-symlink
  done
}

# The small Debian, Deno and the project, without a kernel.
make_root() {
  local guest=$place/root
  rm -rf "$guest" "$place/apt/cache/archives/"*.deb
  # shellcheck disable=SC2086 # the names of packages
  private_apt apt-get install --yes --download-only --no-install-recommends -t "$base_suite" $base_packages >/dev/null
  unpack "$guest" "$place"/apt/cache/archives/*.deb
  mkdir -p "$guest"/{proc,sys,dev,tmp,root,etc,usr/local/bin,deno_dir}
  printf 'root:x:0:0::/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n' >"$guest/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$guest/etc/group"
  install -m 600 /dev/null "$guest/etc/shadow"
  install -m 755 "$root/scripts/kernels_init.sh" "$guest/init"
  install -m 755 "$(deno_for_guest)" "$guest/usr/local/bin/deno"
  mkdir "$guest/fdpass"
  cp -r "$root"/{main.ts,deno.json,deno.lock,lib,ffi} "$guest/fdpass"
  (cd "$root" && DENO_DIR=$guest/deno_dir deno install --quiet --frozen --entrypoint lib/cli/main.ts)
}

# A Deno for the guest's processor: this machine's own, or one from npm.
deno_for_guest() {
  if [[ $(uname -m) == "$machine" ]]; then
    deno eval 'console.log(Deno.execPath())'
    return
  fi
  need npm=npm
  npm install --silent --force --ignore-scripts --no-audit --no-fund --prefix "$place/npm" \
    "@deno/linux-$npm_name-glibc@${deno_version%.*}" >&2 || die "npm has no deno ${deno_version%.*} for $arch"
  echo "$place/npm/node_modules/@deno/linux-$npm_name-glibc/deno"
}

# The newest package of a kernel series; nothing if there is none.
kernel_package() {
  private_apt apt-cache search --names-only "^linux-image-${1//./\\.}[.-].*cloud-$arch\$" |
    cut -d' ' -f1 | sort -V | tail -n 1
}

all_series() {
  private_apt apt-cache search --names-only "^linux-image-[0-9].*cloud-$arch\$" |
    sed -nE 's/^linux-image-([0-9]+\.[0-9]+)[.-].*/\1/p' | sort -Vu
}

# Fetches and unpacks a kernel into a folder.
bring_kernel() {
  local package=$1 folder=$2 version=${1#linux-image-} parts
  # Newer kernels have separate packages for the kernel and its modules.
  mapfile -t parts < <(private_apt apt-cache depends --recurse --important "$package" |
    grep -xF -e "linux-base-$version" -e "linux-image-$version" -e "linux-binary-$version" -e "linux-modules-$version" | sort -u)
  mkdir -p "$folder"
  (cd "$folder" && private_apt apt-get download "${parts[@]}") || return
  unpack "$folder/files" "$folder"/*.deb
  rm "$folder"/*.deb
}

# The archive of the kernel modules that a guest needs.
make_modules() {
  local folder=$1 release=$2 module
  local files=$folder/files/usr modules=$folder/modules/usr
  depmod -b "$files" "$release"
  mkdir -p "$modules/lib/modules/$release"
  cp "$files/lib/modules/$release"/modules.{builtin,builtin.modinfo,order} "$modules/lib/modules/$release/"
  for module in virtio_pci virtio_blk veth; do
    modprobe -d "$files" -S "$release" --show-depends "$module"
  done | sed -n "s|^insmod $files/||p" | sort -u | (cd "$files" && xargs cp --parents -t "$modules")
  depmod -b "$modules" "$release"
  archive "$folder/modules" "$folder/modules.cpio"
}

# archive FOLDER FILE: everything in the folder, as the kernel unpacks it at its start.
archive() {
  (cd "$1" && find . | cpio --quiet -o -H newc -R 0:0) >"$2.new"
  mv "$2.new" "$2"
}

# Boots a kernel and waits for its end, or kills it. The evidence is on the disk.
boot() {
  local folder=$1 kernel=$2 disk=$1/disk
  truncate -s 0 "$disk" && truncate -s 256M "$disk"
  cat "$place/root.cpio" "$folder/modules.cpio" >"$folder/initrd"
  setpriv --pdeathsig TERM timeout -k 10 "$guest_timeout" "qemu-system-$machine" "${hardware[@]}" -smp 2 -m 3072 -display none -no-reboot -nic none \
    -monitor none -serial "file:$folder/console" -drive "file=$disk,format=raw,if=virtio" \
    -kernel "$kernel" -initrd "$folder/initrd" \
    -append "console=$console panic=-1 quiet no_timer_check $kernel_arguments seconds=$seconds experiments=${experiments// /,}" ||
    say "the guest failed, or was ended after $guest_timeout seconds: see $folder/console"
  rm "$folder/initrd"
}

# Runs everything on one series, and leaves the evidence in a folder of its own. If one experiment
# fails, the others still run.
run_series() {
  local series=$1 package folder
  rm -rf "${evidence:?}/$series"
  mkdir -p "$evidence/$series"
  package=$(kernel_package "$series")
  [[ -n $package ]] || die "the mirror has no Linux $series for $arch; it has: $(all_series | tr '\n' ' ')"
  folder=$place/$package
  if [[ ! -e $folder/modules.cpio ]]; then
    rm -rf "$folder"
    bring_kernel "$package" "$folder" || {
      say "$package could not be fetched"
      return
    }
    make_modules "$folder" "${package#linux-image-}"
  fi
  say "booting $package"
  boot "$folder" "$(find "$folder/files" -name 'vmlinuz*' -type f)" # in /boot, or beside the modules
  tar -x -f "$folder/disk" -C "$evidence/$series" || say "nothing came back: see $folder/console"
}

# The same on this machine, for comparison.
run_here() {
  local experiment options
  mkdir -p "$evidence/here"
  for experiment in $experiments; do
    options=()
    [[ $experiment == *:* ]] && options=("${experiment#*:}")
    "$root/scripts/netns.sh" deno run -A main.ts --json -t "$seconds" -e "${experiment%%:*}" "${options[@]}" veth-fdpass \
      >"$evidence/here/$experiment.json" || true # its status is in the evidence
  done
}

bring_deno "qemu-system-$machine=$qemu_package" cpio=cpio depmod=kmod dpkg-deb=dpkg setpriv=util-linux

evidence=$place/evidence
mkdir -p "$evidence"
bring_lists
make_root
archive "$place/root" "$place/root.cpio"
series=("$@")
[[ $# -gt 0 ]] || mapfile -t series < <(all_series)
run_here
for each in "${series[@]}"; do run_series "$each"; done
deno run --allow-read "$root/scripts/kernels_table.ts" "$evidence" "${series[@]}"
