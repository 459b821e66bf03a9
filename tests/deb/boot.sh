#!/bin/bash
# boot.sh ROOT: a Debian in a folder, started by its own systemd as PID 1 in namespaces of its own. What it writes goes to memory, and is gone with it;
# hardware, the kernel's settings and the network are out of its reach. Needs root. Prints nothing; who started it looks for the child of `unshare`.
set -eu
if [ "${1:-}" != --inside ]; then
	root=$(realpath "$1")
	cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	group=$cgroups/testbed-deb-$$
	mkdir "$group"
	echo $$ >"$group/cgroup.procs"
	exec unshare --pid --mount --uts --ipc --net --cgroup --fork --kill-child bash "$0" --inside "$root"
fi
mount --make-rprivate /
work=/run/testbed-deb
mkdir -p "$work"
mount -t tmpfs -o mode=0755 tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay -o "lowerdir=$2,upperdir=$work/upper,workdir=$work/work" overlay "$work/root"
root=$work/root
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,ro,bind "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for folder in run tmp dev; do mount -t tmpfs -o mode=0755 tmpfs "$root/$folder"; done
chmod 1777 "$root/tmp"
for node in null zero full random urandom tty; do
	touch "$root/dev/$node"
	mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ip link set lo up
cd "$root" # no chroot: in one nobody may make a user namespace, as PrivateUsers= does
pivot_root . .
umount -l .
exec env -i container=testbed PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=null --show-status=0
