"""The two services that a device lives by, and what people need to work on it."""

import pytest


@pytest.mark.parametrize("name", ["openssh-server", "python3", "mender-client", "iproute2"])
def test_package_is_installed(host, name):
    assert host.package(name).is_installed


def test_the_ssh_server_runs_and_listens(host):
    assert host.process.filter(comm="sshd", user="root")
    assert "LISTEN" in host.check_output("ss -H -l -t -n 'sport = :22'")


def test_the_update_client_runs_once(host):
    # an inventory script may be asking the same program right now
    clients = host.process.filter(comm="mender")
    assert len([client for client in clients if client.args.endswith(" daemon")]) == 1


def test_python_works(host):
    assert host.check_output("python3 -c 'import json; print(json.dumps(1))'") == "1"


def test_the_device_identifies_itself_by_its_serial_number(host):
    serial = host.file("/data/serial").content_string.strip()
    assert serial
    identity = host.check_output("/usr/share/mender/identity/mender-device-identity")
    assert identity == f"serial={serial}"


def test_process_1_collects_what_ends(host):
    host.check_output("sh -c '(sleep 0.1 &)'; sleep 0.5")
    assert "Z" not in host.check_output("ps -e -o state= | sort -u").split()


def test_the_configuration_is_applied(host):
    report = host.check_output("/usr/share/mender/modules/v3/mender-configure Report")
    assert report == "configuration=none" or report.startswith("configuration=sha256:")
