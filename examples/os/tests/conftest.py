"""What the tests share: the release that the device should run, and its boot variables."""

import os

import pytest


@pytest.fixture(scope="session")
def expected_release():
    """The release under test; tests that compare with it are skipped where nobody says which it is."""
    release = os.environ.get("EXPECTED_RELEASE", "")
    if not release:
        pytest.skip("EXPECTED_RELEASE is not set")
    return release


@pytest.fixture
def boot_variables(host):
    """The variables that the boot loader decides by."""
    lines = host.check_output("virtual-getenv").splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def os_release(host):
    """What the system says it is."""
    lines = host.file("/etc/os-release").content_string.splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {name: value.strip("\"'") for name, value in pairs}
