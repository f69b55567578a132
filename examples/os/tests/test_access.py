"""Keys open the device, passwords never do."""


def test_no_account_has_a_password(host):
    accounts = host.file("/etc/shadow").content_string.splitlines()
    passwords = {line.split(":")[0]: line.split(":")[1] for line in accounts}
    assert passwords
    assert {name for name, password in passwords.items() if password[:1] not in ("*", "!")} == set()


def test_the_ssh_server_refuses_passwords(host):
    settings = host.check_output("sshd -T").splitlines()
    for wanted in (
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "permitemptypasswords no",
        "permitrootlogin without-password",
    ):
        assert wanted in settings


def test_the_host_key_is_the_device_s_and_not_the_image_s(host):
    assert host.check_output("find /etc/ssh -name 'ssh_host_*'") == ""
    key = host.file("/data/ssh/ssh_host_ed25519_key")
    assert key.mode == 0o600
    assert "hostkey /data/ssh/ssh_host_ed25519_key" in host.check_output("sshd -T").splitlines()


def test_the_update_client_s_key_is_private(host):
    key = host.file("/data/mender/mender-agent.pem")
    assert key.exists
    assert key.mode == 0o600
