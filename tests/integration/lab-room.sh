#!/bin/bash
# lab-room.sh ROOT BUILD STATE: the lab container's processes in namespaces instead of a container: this machine's programs, the image's files in
# their places, a network and a /tmp of its own. Ends as lab-start ends. Run as: unshare --mount --net --pid --fork --kill-child lab-room.sh …
set -eu
exec > >(exec cat) 2>&1 # a pipe, as in a container: supervisord opens /dev/stdout, and a socket cannot be opened
root=$1 build=$2 state=$3
ip link set lo up
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /mnt # the tree, wherever it lies, for a user who may not walk there
mkdir /mnt/src /mnt/state /mnt/etc /mnt/bin
mount --bind "$root" /mnt/src
mount --bind "$state" /mnt/state
cp /etc/passwd /etc/group /mnt/etc/
sed -i '/^testbed:/d; /^desktop:/d; /:100[01]:/d' /mnt/etc/passwd /mnt/etc/group
echo 'testbed:x:1000:1000::/var/lib/testbed:/usr/sbin/nologin' >>/mnt/etc/passwd
echo 'testbed:x:1000:' >>/mnt/etc/group
echo 'desktop:x:1001:1001::/tmp/desktop:/bin/bash' >>/mnt/etc/passwd
echo 'desktop:x:1001:' >>/mnt/etc/group
mount --bind /mnt/etc/passwd /etc/passwd
mount --bind /mnt/etc/group /etc/group
chown 1000:1000 /mnt/state
chmod 0700 /mnt/state
for program in testbed-host testbed-media; do ln -s "/mnt/src/${build#"$root"/}/$program" /mnt/bin/; done
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
# what the image's Dockerfile copies
mkdir -p /etc/testbed /etc/supervisor /var/lib/testbed
mount -t tmpfs tmpfs /etc/testbed
mount -t tmpfs tmpfs /etc/supervisor
mount --bind /mnt/state /var/lib/testbed
cp /mnt/src/supervisord/supervisord.conf /etc/supervisor/
cp -r /mnt/src/supervisord/conf.d /etc/supervisor/
cp -r /mnt/src/docker/lab/host.yaml /mnt/src/docker/lab/desktop /etc/testbed/
export PATH=/mnt/src/supervisord/bin:/mnt/bin:$PATH HOME=/var/lib/testbed STATE_DIRECTORY=/var/lib/testbed DISPLAY=:1 SCREEN=1920x1080x24
cd /var/lib/testbed
exec lab-start
