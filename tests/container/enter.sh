#!/bin/sh
# Runs a command in an image's files as a container engine does: read-only root, read-only mounts,
# /proc and /dev of its own, no rights, the command as process 1. To be started by
# `unshare --mount --pid --fork` as root:
#
#   enter.sh ROOT UID GID DIRECTORY MOUNTS [SOURCE TARGET]… COMMAND [ARGUMENT]…
set -eu
root=$1 uid=$2 gid=$3 directory=$4 mounts=$5
shift 5

mount --bind "$root" "$root"
while [ "$mounts" -gt 0 ]; do
  mount --bind "$1" "$root$2"
  mount -o remount,bind,ro "$root$2"
  mounts=$((mounts - 1))
  shift 2
done
mount -t proc proc "$root/proc"
mount -t tmpfs -o size=64k,mode=755 tmpfs "$root/dev"
for device in null zero random urandom; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -o remount,ro "$root/dev"
mount -o remount,bind,ro "$root"

# What is left in the bounding set is needed for the last step; the user has no capability after it.
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid \
  unshare --root="$root" --wd="$directory" --setgid="$gid" --setuid="$uid" -- "$@"
