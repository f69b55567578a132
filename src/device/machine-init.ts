// What runs in a virtual machine before the image's own process 1: the part of a boot loader and an initial RAM disk.

/** Says on the console that a machine with this processor works. */
export const probeMark = 'drover: this machine starts'

/** The port on which machines listen for us where the image's own ssh server has no place for our key. */
export const accessPort = 61022

/** Says on the console that the restart which follows is a crash. */
export const crashMark = 'drover: this start has failed'

/**
 * Process 1 of the initial RAM disk. `/drover/boot` sets: disks (how many there are), slot (number of the partition to
 * start), name (the host name) or probe (anything, to say that the machine works and end).
 *
 * Disks are known by their serial numbers: `disk` has partitions, any other is itself one. All get the names that they
 * would have on a board's card, whose ends the update client relies on. Nothing is written to the image's file system:
 * what is ours goes to /run, which lies in memory.
 */
export const initScript = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sys /sys
mount -t devtmpfs -o mode=755,nosuid dev /dev
ln -s /proc/self/fd /dev/fd
for stream in stdin=0 stdout=1 stderr=2; do ln -s "fd/\${stream#*=}" "/dev/\${stream%=*}"; done
exec </dev/console >/dev/console 2>&1
. /drover/boot
if [ -n "$probe" ]; then
  echo "${probeMark}"
  poweroff -f
fi

die() {
  echo "drover: $*"
  echo "${crashMark}"
  reboot -f
}

for module in /drover/modules/*; do
  [ ! -e "$module" ] || insmod "$module" || echo "drover: $module is not loaded"
done

node() {
  mknod -m 600 "/dev/mmcblk0p$1" b "\${2%:*}" "\${2#*:}"
}
tries=0
while [ "$(ls -d /sys/block/vd* 2>/dev/null | wc -l)" -lt "$disks" ]; do
  [ $((tries += 1)) -lt 600 ] || die "not all disks are there"
  sleep 0.1
done
for disk in /sys/block/vd*; do
  serial=$(cat "$disk/serial")
  if [ "$serial" = disk ]; then
    for part in "$disk"/vd*[0-9]; do
      [ ! -e "$part/partition" ] || node "$(cat "$part/partition")" "$(cat "$part/dev")"
    done
  else
    node "\${serial#p}" "$(cat "$disk/dev")"
  fi
done

hostname "$name"
ip link set lo up
# the address that the machine's network gives out anyway
if ip link set eth0 up; then
  ip address add 10.0.2.15/24 dev eth0
  ip route add default via 10.0.2.2
fi

mkdir -p /n
mount -t ext4 -o noatime "/dev/mmcblk0p$slot" /n || die "partition $slot holds no file system that can be mounted"
for place in proc sys dev run; do
  [ -d "/n/$place" ] || die "the image has no folder /$place"
done
if [ -b "/dev/mmcblk0p$data" ] && [ -d /n/data ]; then
  mount -t ext4 -o noatime "/dev/mmcblk0p$data" /n/data || die "the data partition can't be mounted"
fi
mount -t tmpfs -o mode=755,nosuid,nodev run /n/run
cp -a /drover/run /n/run/drover
cp /bin/busybox /n/run/drover/busybox
for place in proc sys dev; do
  mount -o move "/$place" "/n/$place"
done

if [ -x /n/usr/sbin/virtual-init ]; then
  mkdir -p /n/dev/pts /n/dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts /n/dev/pts
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /n/dev/shm
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /n/tmp
  exec switch_root /n /run/drover/busybox sh /run/drover/first
fi

init=
for path in /sbin/init /usr/sbin/init /usr/lib/systemd/systemd /lib/systemd/systemd /etc/init /bin/init; do
  if [ -x "/n$path" ] || [ -L "/n$path" ]; then
    init=$path
    break
  fi
done
[ -n "$init" ] || die "the image has no /sbin/init and no /usr/sbin/virtual-init"

# root's password may be locked: then only PAM lets root in with a key
if grep -q '^root:!' /n/etc/shadow 2>/dev/null; then echo 'UsePAM yes' >>/n/run/drover/sshd_config; fi
if [ -e /n/usr/lib/systemd/systemd ] || [ -e /n/lib/systemd/systemd ]; then
  mkdir -p /n/run/systemd/system/multi-user.target.wants
  mv /n/run/drover/drover-access.service /n/run/systemd/system/
  ln -s ../drover-access.service /n/run/systemd/system/multi-user.target.wants/
else
  chroot /n /run/drover/busybox sh /run/drover/access &
fi
exec switch_root /n "$init"
`

/**
 * Process 1 for an image with a virtual-init, whose end says what was asked for: it runs as process 1 of a process
 * namespace, as on a virtual device without a kernel of its own, and its exit status is carried out here.
 */
export const firstScript = `busybox=/run/drover/busybox
$busybox unshare --pid --fork --mount --mount-proc=/proc /usr/sbin/virtual-init
status=$?
$busybox sync
case $status in
64 | 129) $busybox reboot -f ;;
65 | 130) $busybox poweroff -f ;;
esac
echo "drover: virtual-init ended with $status"
echo "${crashMark}"
$busybox reboot -f
`

/** For an init that can't be told to start something: waits for the image's own ssh server, then starts ours beside it. */
export const accessScript = `busybox=/run/drover/busybox
until $busybox cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | $busybox grep -q ':0016 [0-9A-F:]* 0A '; do
  $busybox sleep 0.3
done
$busybox mkdir -p /run/sshd
exec /usr/sbin/sshd -D -f /run/drover/sshd_config
`

/** For systemd: our ssh server, as soon as everything else is up. */
export const accessUnit = `[Unit]
Description=Access for tests
DefaultDependencies=no
After=multi-user.target

[Service]
ExecStartPre=/bin/mkdir -p /run/sshd
ExecStart=/usr/sbin/sshd -D -f /run/drover/sshd_config
`

/** Of our own ssh server in the machine: the image's settings don't count for it, nor does it change any. */
export const accessConfig = `Port ${accessPort}
HostKey /run/drover/host_key
AuthorizedKeysFile /run/drover/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UseDNS no
PrintMotd no
PidFile none
Subsystem sftp internal-sftp
`
