#!/bin/bash
# Prints a directory that is a root for Debian's stock mdevctl: the package and what it depends on, unpacked into a cache without being installed.
set -euo pipefail
# shellcheck source=cnf/vm/debian.sh
. "$(dirname "$(readlink -f "$0")")/debian.sh"

build() {
    unpack "$1" "mdevctl (5 MB)" "" mdevctl
    # As base-files has it: the programs name their loader by this path. What is bound there when it runs has a place.
    ln -s usr/lib64 "$1/lib64"
    mkdir -p "$1"/{sys,etc/mdevctl.d}
}

dir=$cache/mdevctl-$(digest "$here/mdevctl.sh" "$here/debian.sh")
once "$dir" build
echo "$dir"
