#!/bin/bash
# The first process of a guest that scripts/kernels.sh boots: runs the experiments, writes their
# evidence to the disk, and ends the machine. Its arguments come by the kernel's command line, as
# environment variables: experiments, seconds (for each).
set -u

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs tmp /tmp
for module in virtio_pci virtio_blk veth; do modprobe "$module"; done

export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root DENO_DIR=/deno_dir NO_COLOR=1 DENO_NO_UPDATE_CHECK=1
cd /fdpass || exit

ip link set lo up
ip link add veth-fdpass type veth peer name veth-fdpass-far
ip link set veth-fdpass up
ip link set veth-fdpass-far up
{ echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; } 2>/dev/null

evidence=/tmp/evidence
mkdir "$evidence"
# Write the evidence to the disk after every experiment: a guest that hangs is killed.
save() { tar -c -f - -C "$evidence" . | dd of=/dev/vda bs=1M conv=fsync status=none; }

for setting in kernel/io_uring_disabled kernel/unprivileged_bpf_disabled kernel/unprivileged_userns_clone \
  kernel/yama/ptrace_scope user/max_user_namespaces kernel/osrelease; do
  printf '%s %s\n' "$setting" "$(cat "/proc/sys/$setting" 2>/dev/null || echo none)"
done >"$evidence/settings"

# shellcheck disable=SC2154 # from the kernel's command line
for experiment in ${experiments//,/ }; do
  name=${experiment%%:*} # privilege-drop:--harden is the main job with an option
  options=()
  [[ $experiment == *:* ]] && options=("${experiment#*:}")
  echo "guest: $experiment"
  # shellcheck disable=SC2154
  timeout -k 10 "$((seconds + 60))" deno run -A --cached-only main.ts --json -t "$seconds" \
    -e "$name" "${options[@]}" veth-fdpass >"$evidence/$experiment.json" 2>"$evidence/$experiment.err"
  echo "$?" >"$evidence/$experiment.status"
  save
done
dmesg >"$evidence/dmesg"
save
echo "guest: end"
echo b >/proc/sysrq-trigger # qemu ends at a reboot
sleep 60
