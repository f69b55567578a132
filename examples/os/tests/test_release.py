"""The device runs the release that it should run, and says so everywhere."""


def test_the_system_is_the_expected_release(os_release, expected_release):
    assert os_release["IMAGE_VERSION"] == expected_release


def test_the_update_client_reports_the_expected_release(host, expected_release):
    # the client may warn in front of the answer
    assert host.check_output("mender show-artifact").splitlines()[-1] == expected_release


def test_the_image_knows_its_name_and_its_release(os_release):
    assert os_release["IMAGE_VERSION"].startswith(f"{os_release['IMAGE_ID']}-")


def test_the_system_is_debian_12(os_release):
    assert os_release["ID"] == "debian"
    assert os_release["VERSION_ID"] == "12"
