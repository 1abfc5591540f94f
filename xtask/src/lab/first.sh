#!/bin/sh
# The first process of the lab's machine: finds the files of the host and goes on there, with changes kept in memory.
. /settings
for module in $MODULES; do
    insmod "/modules/$module" || exit 1
done
set -e
mkdir -p /proc /lower /upper /root
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro root /lower
mount -t tmpfs -o size=75% upper /upper
mkdir /upper/data /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work overlay /root
mount -t proc proc /root/proc
mount -t sysfs sysfs /root/sys
mount -t devtmpfs dev /root/dev
mkdir -p /root/dev/pts /root/dev/shm "/root$RUN" "/root/lib/modules/$RELEASE"
mount -t devpts pts /root/dev/pts
mount -t tmpfs shm /root/dev/shm
mount -t tmpfs run /root/run
mount -t cgroup2 cgroup2 /root/sys/fs/cgroup
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 run "/root$RUN"
mount -o bind "/root$MODULE_FOLDER" "/root/lib/modules/$RELEASE"
ln -s /proc/self/fd /root/dev/fd
ln -s fd/0 /root/dev/stdin
ln -s fd/1 /root/dev/stdout
ln -s fd/2 /root/dev/stderr
hostname lab
ip link set lo up
echo 1 >/root/proc/sys/kernel/panic_on_oops
exec switch_root /root /bin/sh "$RUN/second"
