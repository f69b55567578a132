"""The device runs from the slot that its boot variables name, and that update is final."""


def test_root_is_ext4_on_the_slot_that_the_boot_variables_name(host, boot_variables):
    root = host.mount_point("/")
    assert root.filesystem == "ext4"
    assert root.device == f"/dev/mmcblk0p{boot_variables['mender_boot_part']}"


def test_root_spares_the_flash_memory(host):
    assert "noatime" in host.mount_point("/").options


def test_the_running_update_is_final(boot_variables):
    assert boot_variables["upgrade_available"] == "0"


def test_both_notations_of_the_boot_partition_agree(boot_variables):
    part = int(boot_variables["mender_boot_part"])
    assert part in (2, 3)
    assert int(boot_variables["mender_boot_part_hex"], 16) == part


def test_the_other_slot_is_there_and_not_in_use(host, boot_variables):
    other = "3" if boot_variables["mender_boot_part"] == "2" else "2"
    device = f"/dev/mmcblk0p{other}"
    assert host.run("test -b %s", device).rc == 0
    assert device not in host.check_output("cat /proc/mounts")


def test_both_slots_have_the_same_size(host):
    sizes = host.check_output("blockdev --getsize64 /dev/mmcblk0p2 /dev/mmcblk0p3").split()
    assert len(sizes) == 2
    assert sizes[0] == sizes[1]


def test_the_root_file_system_has_room_left(host):
    free_kib = int(host.check_output("df --output=avail -k / | tail -n 1"))
    assert free_kib > 4096


def test_data_is_mounted_and_can_be_written(host):
    assert host.mount_point("/data").exists
    assert host.run("touch /data/.test && rm /data/.test").rc == 0


def test_the_health_check_passes(host):
    check = host.run("health-check")
    assert check.rc == 0, check.stderr
