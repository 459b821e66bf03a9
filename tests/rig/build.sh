#!/bin/sh
# Builds the lab's kernel and root file system below build/rig/:
#
#   vmlinux      Debian's own kernel, taken out of its package; nothing is installed on this machine
#   base.cpio    busybox, udevd, uhubctl, usbrelay, the modules that the lab needs, init   (rebuilt when this script or guest/ changes)
#   host.cpio    testbed-host with the libraries and GStreamer plugins that it loads, and the guest test programs
#
# Usage: build.sh [base|host]   (no word: both)        PROGRAMS="a b": further programs of the guest
# The images are not compressed: QEMU hands them over by DMA, and decompressing under TCG would cost seconds.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=${TB_RIG_DIR:-$top/build/rig}
cache=$out/cache
arch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo x86_64-linux-gnu)
mkdir -p "$cache"

# What the lab is made of. Dependencies are found by depmod.
modules="xhci-pci ftdi_sio pl2303 cp210x ch341 cdc-acm usbhid hid-generic evdev usb-storage sd_mod vivid
         virtio_pci virtio_net virtio-rng dummy_hcd libcomposite usb_f_acm g_serial uhid uinput vhci-hcd
         i2c-stub i2c-dev lm75 ad7291 usb_f_fs usbtmc"
# GStreamer plugins that testbed-host asks for at run time; those that are not installed here are left out and named.
plugins="coreelements app videoconvertscale videorate videotestsrc videoparsersbad jpeg png
         x264 vpx rtp rtpmanager webrtc nice srtp dtls sctp playback typefindfunctions pbtypes video4linux2 ximagesrc
         autodetect opus audioconvert audioresample audiotestsrc audiorate"

say() { printf 'rig: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
need() { for c in "$@"; do command -v "$c" >/dev/null || die "$c is missing: run 'make deps'"; done; }

# apt_unpack PACKAGE DIR: the newest version that apt knows, unpacked, not installed
apt_unpack() {
        mkdir -p "$2"
        deb=$(find "$cache" -maxdepth 1 -name "$1_*.deb" | sort | tail -n 1)
        if [ -z "$deb" ]; then
                say "downloading $1"
                (cd "$cache" && apt-get -q download "$1" >apt.log 2>&1) || { cat "$cache/apt.log" >&2; die "cannot download $1"; }
                deb=$(find "$cache" -maxdepth 1 -name "$1_*.deb" | sort | tail -n 1)
        fi
        dpkg-deb -x "$deb" "$2"
}

# with_libs ROOT FILE...: the shared libraries of each file, to the same path below ROOT
with_libs() {
        root=$1; shift
        for f in "$@"; do ldd "$f" 2>/dev/null || true; done |
                sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/lib[^ ]*ld-linux[^ ]*\) .*/\1/p' | sort -u |
                while read -r lib; do
                        # asan builds and /usr-merged paths alike: keep the name that the loader looks for
                        [ -e "$root$lib" ] || { mkdir -p "$root$(dirname "$lib")"; cp -L "$lib" "$root$lib"; }
                done
}

pack() {        # DIR FILE: reproducible enough; times are kept, because GStreamer's registry compares them
        (cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$2.tmp"
        mv "$2.tmp" "$2"
}

kernel() {
        if [ ! -e "$cache/kernel/done" ]; then
                image=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
                [ -n "$image" ] || die "apt knows no linux-image-amd64: run 'apt-get update'"
                rm -rf "$cache/kernel"
                apt_unpack "$image" "$cache/kernel"
                touch "$cache/kernel/done"
        fi
        version=$(ls "$cache/kernel/lib/modules")
        [ -e "$cache/kernel/lib/modules/$version/modules.dep" ] || busybox depmod -b "$cache/kernel" "$version"
        extract_vmlinux "$cache/kernel/boot/vmlinuz-$version" "$out/vmlinux"
}

# The kernel decompresses itself in seconds under TCG and in one here; QEMU boots the ELF file by PVH.
# Source: Documentation/x86/boot.rst (setup_sects 0x1f1, payload_offset 0x248, payload_length 0x24c).
extract_vmlinux() {     # VMLINUZ OUT
        [ "$2" -nt "$1" ] && return
        setup=$(od -An -tu1 -j497 -N1 "$1" | tr -d ' ')
        offset=$(od -An -tu4 -j584 -N4 "$1" | tr -d ' ')
        length=$(od -An -tu4 -j588 -N4 "$1" | tr -d ' ')
        tail -c +$(((setup + 1) * 512 + offset + 1)) "$1" | head -c $((length - 4)) >"$2.payload"
        case $(od -An -tx1 -N4 "$2.payload" | tr -d ' ') in
        fd377a58) xz -dc --single-stream "$2.payload" >"$2.tmp" ;;
        28b52ffd) zstd -qdc "$2.payload" >"$2.tmp" ;;
        1f8b*) gzip -dc "$2.payload" >"$2.tmp" ;;
        *) cp "$1" "$2.tmp" ;;  # not known: QEMU boots the bzImage as well, later
        esac
        rm "$2.payload"
        mv "$2.tmp" "$2"
}

copy_modules() {        # ROOT: the wanted modules and all that they need, in the order that insmod needs
        tree=$cache/kernel/lib/modules/$version
        dest=$1/lib/modules/$version
        mkdir -p "$dest"
        cp "$tree/modules.order" "$tree/modules.builtin" "$dest"
        missing=
        for m in $modules; do
                line=$(grep -E "/$(printf %s "$m" | sed 's/[-_]/[-_]/g')\.ko:" "$tree/modules.dep" || true)
                [ -n "$line" ] || { missing="$missing $m"; continue; }
                for f in $(printf %s "$line" | tr -d :); do
                        mkdir -p "$dest/$(dirname "$f")"
                        [ -e "$dest/$f" ] || cp "$tree/$f" "$dest/$f"
                done
        done
        [ -z "$missing" ] || die "the kernel package has no module:$missing"
        busybox depmod -b "$1" "$version"
}

base() {
        need busybox cpio dpkg-deb apt-get ldd xz zstd
        kernel
        stamp=$version-$(cat "$0" "$here"/guest/* | cksum | tr ' ' -)
        [ "$(cat "$out/base.stamp" 2>/dev/null)" = "$stamp" ] && [ -e "$out/base.cpio" ] && return
        say "building base.cpio (kernel $version)"
        for p in udev uhubctl usbrelay libhidapi-hidraw0; do [ -e "$cache/$p/done" ] || { apt_unpack $p "$cache/$p"; touch "$cache/$p/done"; }; done
        root=$out/base; rm -rf "$root"
        mkdir -p "$root/bin" "$root/sbin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/run" "$root/etc" "$root/rig/www/cgi-bin" \
                 "$root/var/lib/testbed" "$root/usr/bin" "$root/lib/systemd" "$root/lib/udev"
        cp "$(command -v busybox)" "$root/bin/busybox"
        for a in $(busybox --list); do [ -e "$root/bin/$a" ] || ln -s busybox "$root/bin/$a"; done
        ln -s ../bin/busybox "$root/sbin/modprobe" # the path that the kernel calls
        cp "$cache/udev/bin/udevadm" "$root/bin/"
        ln -s /bin/udevadm "$root/lib/systemd/systemd-udevd"
        cp -r "$cache/udev/lib/udev/rules.d" "$root/lib/udev/"
        cp "$cache/udev/lib/udev/v4l_id" "$root/lib/udev/"
        # Rules that look for what no lab has only cost time at boot.
        for r in 50-firmware 60-autosuspend 60-cdrom_id 60-drm 60-fido-id 60-infiniband 64-btrfs 70-power-switch 75-probe_mtd \
                 80-net-setup-link 81-net-dhcp 80-debian-compat 60-persistent-storage-tape 70-memory 80-drivers; do
                rm -f "$root/lib/udev/rules.d/$r.rules"
        done
        cp "$cache/uhubctl/usr/sbin/uhubctl" "$cache/usbrelay/usr/bin/usbrelay" "$root/bin/"
        mkdir -p "$root/usr/lib/$arch"
        cp -L "$cache/libhidapi-hidraw0/usr/lib/$arch/libhidapi-hidraw.so.0" "$(find "$cache/usbrelay" -name libusbrelay.so)" "$root/usr/lib/$arch/"
        with_libs "$root" "$root/bin/udevadm" "$root/bin/uhubctl" "$root/bin/usbrelay" "$root/lib/udev/v4l_id"
        printf 'root:x:0:0:root:/:/bin/sh\n' >"$root/etc/passwd"
        printf 'root:x:0:\ntty:x:5:\ndialout:x:20:\nvideo:x:44:\ninput:x:104:\n' >"$root/etc/group"
        printf '127.0.0.1 localhost rig\n' >"$root/etc/hosts"
        printf 'hosts: files\n' >"$root/etc/nsswitch.conf"
        copy_modules "$root"
        install -m 755 "$here/guest/init" "$root/init"
        install -m 755 "$here/guest/sh.cgi" "$root/rig/www/cgi-bin/sh"
        pack "$root" "$out/base.cpio"
        printf %s "$stamp" >"$out/base.stamp"
}

host() {
        need cpio ldd
        root=$out/host; rm -rf "$root"; mkdir -p "$root/usr/bin"
        gst=/usr/lib/$arch/gstreamer-1.0
        found=
        for p in "$top/build/testbed-host" ${TB_HOST:-}; do [ -x "$p" ] && found=$p; done
        if [ -n "$found" ]; then
                install "$found" "$root/usr/bin/testbed-host"
                mkdir -p "$root$gst"
                without=
                for p in $plugins; do
                        if [ -e "$gst/libgst$p.so" ]; then cp -p "$gst/libgst$p.so" "$root$gst/"; else without="$without $p"; fi
                done
                [ -z "$without" ] || say "not installed here, so not in the lab:$without"
                with_libs "$root" "$found" "$root$gst"/*.so
                # Text of slates ("no signal") is drawn with fontconfig.
                for f in /etc/fonts /usr/share/fonts/truetype/dejavu; do
                        [ ! -d "$f" ] || { mkdir -p "$root$(dirname "$f")"; cp -rL "$f" "$root$f" 2>/dev/null || true; }
                done
                # With what the pages load from npm, when that is installed here; the lab works without pages.
                mkdir -p "$root/usr/share/testbed"
                [ ! -d "$top/web" ] || cp -rL "$top/web" "$root/usr/share/testbed/web"
                rm -rf "$root/usr/share/testbed/web/tests"
        fi
        for p in ${PROGRAMS:-}; do
                [ -x "$p" ] || die "no program $p"
                install "$p" "$root/usr/bin/$(basename "$p")"
                with_libs "$root" "$p"
        done
        pack "$root" "$out/host.cpio"
        [ -n "$found" ] || say "no testbed-host built yet: the lab will boot without it"
}

case ${1:-all} in
base) base ;;
host) host ;;
all) base; host ;;
*) die "usage: $0 [base|host]" ;;
esac
