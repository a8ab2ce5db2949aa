#!/bin/bash
# Prints a root directory for Debian's stock libvirt, with mdevctl: the packages and their dependencies, unpacked into a cache
# without being installed.
set -euo pipefail
# shellcheck source=cnf/vm/debian.sh
. "$(dirname "$(readlink -f "$0")")/debian.sh"

build() {
    unpack "$1" "libvirt (60 MB)" "" libvirt-daemon libvirt-daemon-driver-nodedev libvirt-daemon-driver-qemu libvirt-clients \
        mdevctl dmidecode udev iproute2 bash dash bsdutils coreutils
}

dir=$cache/libvirt-$(digest "$here/libvirt.sh" "$here/debian.sh")
once "$dir" build
echo "$dir"
