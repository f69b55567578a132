"""What has to hold on a device that runs this image. testinfra connects over ssh; every test only reads."""

import os

import pytest


@pytest.fixture
def boot(host):
    """The boot variables."""
    lines = host.check_output("virtual-getenv").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_it_runs_the_expected_release(host):
    expected = os.environ.get("EXPECTED_RELEASE")
    if not expected:
        pytest.skip("no release is expected")
    assert host.file("/etc/mender/artifact_info").content_string.strip() == f"artifact_name={expected}"
    assert f"IMAGE_VERSION={expected}" in host.file("/etc/os-release").content_string.replace('"', "").splitlines()


def test_it_runs_from_the_slot_that_the_boot_variables_name(host, boot):
    source = host.check_output("findmnt --noheadings --output SOURCE /")
    assert source.endswith(f"p{boot['mender_boot_part']}")


def test_the_update_is_committed(boot):
    assert boot["upgrade_available"] == "0"


def test_the_root_file_system_is_ext4_and_has_room(host):
    assert host.mount_point("/").filesystem == "ext4"
    free = int(host.check_output("df --output=avail --block-size=1K / | tail -n 1"))
    assert free > 1024


def test_data_is_a_file_system_of_its_own_that_can_be_written(host):
    assert host.mount_point("/data").exists
    assert "rw" in host.mount_point("/data").options


def test_there_are_two_slots_of_the_same_size(host):
    sizes = host.check_output("blockdev --getsize64 /dev/mmcblk0p2 /dev/mmcblk0p3").split()
    assert len(sizes) == 2 and sizes[0] == sizes[1]


@pytest.mark.parametrize("name", ["mender", "sshd"])
def test_the_service_runs(host, name):
    assert host.process.filter(comm=name)


def test_the_ssh_server_listens_and_refuses_passwords(host):
    assert host.socket("tcp://0.0.0.0:22").is_listening
    assert "passwordauthentication no" in host.check_output("sshd -T").lower().splitlines()


@pytest.mark.parametrize("package", ["mender-client", "openssh-server", "python3"])
def test_the_package_is_installed(host, package):
    assert host.package(package).is_installed


def test_nobody_has_a_password(host):
    for line in host.file("/etc/shadow").content_string.splitlines():
        name, password = line.split(":")[:2]
        assert password.startswith(("*", "!")), f"{name} has a password"


def test_the_health_check_is_content(host):
    assert host.run("health-check").rc == 0
