#!/bin/bash
# Prints the directory with the guest: `vmlinux`, a stock Debian kernel, and `initrd.img`, a small root file system around busybox with
# lspci, setpci, setserial, kmod and the tools in guest/.
set -euo pipefail
# shellcheck source=cnf/vm/debian.sh
. "$(dirname "$(readlink -f "$0")")/debian.sh"

modules=(bochs uio_pci_generic) # 8250_pci and virtio_console are built in; uio_pci_generic hands a device to a script

build() {
    local root=$1/root fs=$1/fs lib=usr/lib/x86_64-linux-gnu version name file
    unpack "$root" "a kernel and tools for the guest (140 MB)" "" linux-image-amd64/trixie busybox-static pciutils setserial kmod xz-utils zstd
    ln -sfn usr/lib "$root/lib" # kmod's search path; base-files, which owns the link, is not among the packages
    version=$(basename "$root"/usr/lib/modules/*)
    unpacked() { "$root/$lib/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$root/$lib" --argv0 "$1" "$root/usr/bin/$2" "${@:3}"; }
    libraries() { "$root/$lib/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$root/$lib" --list "$1" | sed -n "s|.* => \(${root}[^ ]*\).*|\1|p"; }
    busybox() { "$root/usr/bin/busybox" "$@"; }

    say "guest kernel $version"
    extract_kernel "$root/boot/vmlinuz-$version" "$1/vmlinux"

    mkdir -p "$fs"/{proc,sys,dev,tmp,run,root} "$fs"/usr/{bin,share/misc} "$fs/$lib"
    for name in bin sbin lib lib64; do ln -s "usr/${name/sbin/bin}" "$fs/$name"; done
    ln -s lib "$fs/usr/lib64"
    ln -s bin "$fs/usr/sbin"
    cp "$root/usr/bin/busybox" "$fs/usr/bin/"
    for name in $(busybox --list | grep -vx busybox); do ln -s busybox "$fs/usr/bin/$name"; done
    for name in lspci setpci setserial kmod; do
        rm -f "$fs/usr/bin/$name"
        cp -L "$root/usr/bin/$name" "$fs/usr/bin/"
        for file in $(libraries "$root/usr/bin/$name"); do cp -nL "$file" "$fs/$lib/"; done
    done
    for name in modprobe insmod rmmod lsmod depmod; do ln -sf kmod "$fs/usr/bin/$name"; done
    ln -s x86_64-linux-gnu/ld-linux-x86-64.so.2 "$fs/usr/lib/ld-linux-x86-64.so.2"
    cp "$root/usr/share/misc/pci.ids" "$fs/usr/share/misc/"

    unpacked depmod kmod -b "$root" "$version"
    for name in "${modules[@]}"; do
        unpacked modprobe kmod -d "$root" -S "$version" --show-depends "$name"
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u | while read -r file; do
        # Decompressed once here: under emulation this would take long at every boot.
        file=${file#"$root"} && file=${file#/lib/} && file=${file#/usr/lib/}
        install -D "$root/usr/lib/$file" "$fs/usr/lib/$file"
        case $file in *.xz) unpacked xz xz -d "$fs/usr/lib/$file" ;; esac
    done
    cp "$root/usr/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$fs/usr/lib/modules/$version/"
    unpacked depmod kmod -b "$fs" "$version"

    cp "$root/usr/bin/busybox" "$1/"
    archive "$1/busybox" "$fs" >"$1/base.cpio"
    rm -rf "$root" "$fs"
}

# extract_kernel VMLINUZ VMLINUX: the ELF kernel in a bzImage (offsets: Linux, Documentation/arch/x86/boot.rst: setup_sects, payload_offset and
# payload_length). QEMU boots it through its PVH entry, which saves the seconds that decompression takes under emulation.
extract_kernel() {
    number() { od -An -tu"$2" -j"$1" -N"$2" "$vmlinuz" | tr -d ' '; }
    local vmlinuz=$1 start length
    start=$((($(number 0x1f1 1) + 1) * 512 + $(number 0x248 4)))
    length=$(number 0x24c 4)
    # The payload ends with its decompressed size, which is not part of the compressed stream.
    dd if="$vmlinuz" bs=1M iflag=skip_bytes,count_bytes skip="$start" count=$((length - 4)) status=none | unpacked zstd zstd -dcq >"$2" ||
        die "the kernel $vmlinuz is not compressed with zstd"
}

archive() { (cd "$2" && find . -print0 | sort -z | "$1" cpio -0 -o -H newc -R 0:0 2>/dev/null); }

# The kernel unpacks consecutive archives: Debian's part, then the project's own, which is rebuilt when it changes.
add_own() {
    mkdir -p "$1/fs/usr/bin"
    cp "$here"/guest/* "$1/fs/usr/bin/"
    mv "$1/fs/usr/bin/init" "$1/fs/init"
    chmod 755 "$1"/fs/usr/bin/* "$1/fs/init"
    ln "$base/vmlinux" "$1/vmlinux"
    { cat "$base/base.cpio" && archive "$base/busybox" "$1/fs"; } >"$1/initrd.img"
    rm -rf "$1/fs"
}

base=$cache/guest-$(digest "$here/guest.sh" "$here/debian.sh")
once "$base" build
guest=$base.$(digest "$here"/guest/*)
once "$guest" add_own
echo "$guest"
