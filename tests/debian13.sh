#!/usr/bin/env bash
# Builds the working tree's last commit and runs its tests on Debian 13, in a folder that debootstrap makes.
#   tests/debian13.sh FOLDER [COMMAND...]     as root; FOLDER takes 6 GB and is kept; COMMAND stands for `make test`
set -eu
folder=$(realpath -m "${1:?tests/debian13.sh FOLDER [COMMAND...]}")
shift
[ $# -gt 0 ] || set -- make test
source=$(cd "$(dirname "$0")/.." && pwd)
if [ ! -e "$folder/debootstrap-done" ]; then
  debootstrap --variant=minbase --include=ca-certificates,make,git trixie "$folder" ${DEBIAN_MIRROR:-}
  touch "$folder/debootstrap-done"
fi
mkdir -p "$folder/crosstalk"
git -C "$source" archive HEAD | tar -x -C "$folder/crosstalk"
for place in proc sys dev; do
  mountpoint -q "$folder/$place" || mount --rbind "/$place" "$folder/$place"
done
unmount() { for place in proc sys dev; do umount -lR "$folder/$place" || true; done; }
trap unmount EXIT
cp /etc/resolv.conf "$folder/etc/resolv.conf"
chroot "$folder" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 JOBS="${JOBS:-$(nproc)}" \
  bash -c 'cd /crosstalk && "$@"' bash "$@"
