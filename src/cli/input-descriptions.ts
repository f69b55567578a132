// Generated from actions/*/action.yml by npm run generate; don't edit.
import type { ActionName } from '../action/action.ts'

/** What each input of an action is, by its name, in Markdown. */
export const inputDescriptions: Readonly<Record<ActionName, Readonly<Record<string, string>>>> = {
  'build-image': {
    recipe: 'The recipe, an `image.yml`.',
    arch: "Debian architecture of the image, such as `amd64` or `arm64`; the machine's own where empty.",
    variant: 'Variant of the recipe to build, such as `lab` or `field`; none where empty.',
    output: 'Folder for the results.',
    cache:
      "Folder that keeps finished base systems between builds, and so does the workflow's cache; the user's cache folder where empty, `none` for no cache at all.",
    reproducible:
      '`check` builds a second time, from nothing, and fails where a byte of the image differs; `assume` does not.',
  },
  'dispatch-artifact': {
    server: 'URL of the OTA server, such as `https://hosted.mender.io`.',
    'server-type': 'Kind of OTA server: `mender` or `hawkbit`.',
    token: 'Token for the OTA server (hawkBit: `user:password`); in a shell rather `DROVER_TOKEN`.',
    release: 'Name of the release.',
    device:
      'Id of the device, or `lab:<device-type>` for any free lab device; `except <id>, <id>` may follow.',
    timeout: 'Longest time to wait for the device, such as `30m`.',
    lease: 'Id of the lease under which the caller holds the device; where empty, one is taken and returned.',
    'github-token':
      'Token for GitHub, to see whether the run of a lease is over; without one such a lease ends by itself.',
  },
  'enroll-device': {
    fleet: 'Folder of the fleet repository.',
    device: 'The device: its name in the inventory, or its id on the OTA server.',
    roles: 'What the device is to be: `runner`, a runner for one job. No other role can be given yet.',
    token:
      "Token for the OTA server: the device's own report then says where it is, of what type, and its host key; in a shell rather `DROVER_TOKEN`.",
    address:
      'Where the device is, `ssh://user@host:port`; where empty, as the account `runner` at the address that it reports.',
    'ssh-key': 'Private ssh key, or its path; in a shell rather `DROVER_SSH_KEY`.',
    'host-key':
      "The device's ssh host key, `ssh-ed25519 AAAA…`; where empty, the one that it reports. No other device is spoken to.",
    'github-token':
      "Token of a GitHub App with `administration: write`; a job's own token can't register runners.",
    labels: 'More labels for the runner. Whatever job asks for these alone can get it.',
    'runner-group': 'Number of the runner group.',
    'require-runner':
      'Instead of a device: labels that a runner which is online must have, all of them; else it fails at once.',
  },
  'gather-facts': {
    fleet:
      'Folder of the fleet repository: `fleet.yml` there gives the server, the inventory the devices to compare with. May be empty where `server` is given.',
    inventory:
      "An inventory from elsewhere, in the place of the repository's own: a URL, or a command, that prints what `ansible-inventory --list` does. See [docs](../../docs/fleet-file.md#an-inventory-from-elsewhere).",
    'allow-env':
      'Names of environment variables that templates may read besides those of names with `FLEET_`, separated by commas. See [docs](../../docs/fleet-file.md#templates).',
    server: 'URL of the OTA server; from `fleet.yml` where empty.',
    'server-type': 'Kind of OTA server: `mender` or `hawkbit`; from `fleet.yml` where empty.',
    token: 'Token for the OTA server (hawkBit: `user:password`); in a shell rather `DROVER_TOKEN`.',
    'max-age': 'Facts older than this fail the step, such as `24h`; where empty, they are only counted.',
    output: 'Path to write the facts file to; a redacted copy goes beside it.',
  },
  'lease-device': {
    server: 'URL of the OTA server, such as `https://hosted.mender.io`.',
    'server-type': 'Kind of OTA server: `mender` or `hawkbit`.',
    token: 'Token for the OTA server; in a shell rather `DROVER_TOKEN`.',
    device:
      'Id of the device, or `lab:<device-type>` for any free lab device; `except <id>, <id>` may follow.',
    lease: 'A lease to return at the end of this job. Where empty, one is taken, which outlives the job.',
    timeout:
      'Longest time to wait for a free device, and how long the lease lasts from when it is taken, such as `1h`.',
    'github-token':
      'Token for GitHub, to see whether the run of a lease is over; without one such a lease ends by itself.',
  },
  'package-artifact': {
    source:
      'What the update brings: a root file system image, another file, or a folder; or a finished update file, which is signed anew. May only be empty where `options` says everything (containers).',
    format: 'Format of the update file: `mender`, `swupdate` or `rauc`.',
    name: 'Name of the release. Where empty: the one that `build-image` wrote beside the source, else the source and 12 digits of the content digest.',
    'device-types':
      'Device types that may install it, separated by commas or lines. May only be empty where the source is an update file.',
    output:
      'Path of the update file; `<name>` with the ending of the format (`.mender`, `.swu`, `.raucb`) beside the source where empty. Its folder is made.',
    'signing-key':
      'Private key (PEM: RSA or ECDSA P-256, its certificates after it where the format needs them), or its path; in a shell rather `DROVER_SIGNING_KEY`. An encrypted one is opened with `DROVER_SIGNING_KEY_PASSPHRASE`. Unsigned where empty.',
    compression: '`gzip`, `none`, `zstd` (only newer devices can read it) or `xz` (small, but slow).',
    options:
      'YAML file with what has no input of its own: the kind of payload and its settings, state scripts, provides, depends, who signs.',
  },
  'plan-updates': {
    fleet: 'Folder of the fleet repository.',
    stage: 'Stage to plan; where empty, the stage of the branch (on a pull request: of the target branch).',
    token:
      'Token for the OTA server that `fleet.yml` names; not needed with `facts`. One that can only read is enough. In a shell rather `DROVER_TOKEN`.',
    inventory:
      "An inventory from elsewhere, in the place of the repository's own: a URL, or a command, that prints what `ansible-inventory --list` does. See [docs](../../docs/fleet-file.md#an-inventory-from-elsewhere).",
    'allow-env':
      'Names of environment variables that templates may read besides those of names with `FLEET_`, separated by commas. See [docs](../../docs/fleet-file.md#templates).',
    'missing-secrets':
      "What a secret of the fleet's files that is not there does: `fail`, or `unknown`, to plan without what is made of it; such a plan approves nothing. Where empty, `unknown` for a fork's pull request and `fail` for all else.",
    facts: 'A facts file from `gather-facts`; read from the server where empty.',
    comment: 'Whether to keep one comment on the pull request up to date.',
    output: 'Path to write the plan to; the same as Markdown and as a page of HTML goes beside it.',
    'github-token':
      'Token for GitHub, to write the comment and the check run; without one the plan is in the summary alone.',
  },
  'schedule-updates': {
    fleet: 'Folder of the fleet repository.',
    stage: 'Stage to act on; the stage of the branch where empty.',
    token: 'Token for the OTA server that `fleet.yml` names; in a shell rather `DROVER_TOKEN`.',
    inventory:
      "An inventory from elsewhere, in the place of the repository's own: a URL, or a command, that prints what `ansible-inventory --list` does. See [docs](../../docs/fleet-file.md#an-inventory-from-elsewhere).",
    'allow-env':
      'Names of environment variables that templates may read besides those of names with `FLEET_`, separated by commas. See [docs](../../docs/fleet-file.md#templates).',
    plan: 'A reviewed plan file: each due change must stand in it. Where empty, the plan of the merged pull request is looked up on GitHub.',
    'dry-run': 'Says what it would do, and writes nothing to the server.',
    'github-token':
      'Token for GitHub, to look up the plan that was reviewed, to show how the stage stands, and to offer to mark what failed; in a shell without one nothing is shown.',
  },
  'serve-ota': {
    'data-dir': "Folder for the server's state and artifacts; it survives the job.",
    port: 'Port on the loopback interface, `0` for a free one; or an address and a port such as `192.168.1.2:8443`, which needs `tls.crt` and `tls.key` in `data-dir`.',
    accept:
      '`none`: devices wait until they are accepted. `all`: every device is accepted at once, for laboratories only.',
  },
  'simulate-fleet': {
    server:
      'Address of the OTA server, such as the `url` that `serve-ota` gives; for a tenant of hawkBit other than `DEFAULT` with its name as path. Never a server with real devices.',
    'server-type': 'Kind of OTA server: `mender` or `hawkbit`.',
    token:
      'Gateway token of a hawkBit server, which lets unknown devices in; in a shell rather `DROVER_TOKEN`.',
    devices:
      'How many devices, or the path of a YAML file that says more: device types, release, attributes, polling, speed.',
    faults: 'What goes wrong with which share of the devices, such as `install-fails=5%, asleep=10%`.',
    seed: 'The same seed is the same crowd: identities, faults, habits.',
  },
  'test-device': {
    device:
      'The device: `ssh://user@host:port`, `local:`, `namespace:<rootfs image>` or `vm:<rootfs image>`.',
    tests:
      'What to run: a folder or file of pytest-testinfra, a `checks.yml`, a `tests.yml`, or a program that leaves JUnit XML.',
    'ssh-key': 'Private ssh key, or its path; in a shell rather `DROVER_SSH_KEY`.',
    'host-key':
      "The device's ssh host key, `ssh-ed25519 AAAA…`, or the path of a facts.json in which the device reports it; a device with another key is not spoken to.",
    'boot-timeout':
      'How long the device may take until it answers, such as `10m`; unless given 60s, a `namespace:` 30s, a `vm:` 5m.',
    'expect-release':
      'Release that the device must run, `name` or `name@sha256:…`; the tests find its name in `EXPECTED_RELEASE`.',
    output: "Folder for `junit.xml`, `measurements.json`, `receipt.json` and the device's own words.",
    'signing-key':
      'Private key (PEM), or its path, that signs a receipt of tests that passed; in a shell rather `DROVER_SIGNING_KEY`.',
    'github-token': 'Token that publishes the check run (`checks: write`).',
  },
  'upload-artifact': {
    server: 'URL of the OTA server, such as `https://hosted.mender.io`.',
    'server-type': 'Kind of OTA server: `mender` or `hawkbit`.',
    token: 'Token for the OTA server (hawkBit: `user:password`); in a shell rather `DROVER_TOKEN`.',
    artifact:
      'Path of the update file. Several artifacts of one release: a glob pattern such as `out/*.mender`, or paths one a line.',
    'verify-key':
      'Public keys or certificates (PEM), or their paths separated by commas or lines: one of them must have signed the file. Where empty, the signature is not checked.',
  },
  'verify-artifact': {
    artifact: 'Path of the update file: `.mender`, `.swu` or `.raucb`.',
    'verify-key':
      'Public keys (PEM), or paths of files with them, separated by commas: one must have signed the file. Where empty, its signature is not checked, and a warning says so; one of this and `receipt-key` is needed.',
    'device-types':
      'Device types that the file must be for, separated by commas: all of them. It may be for more.',
    variant:
      'Variant that the file must be of, such as `lab`; `field` for any that is not of the variant `lab`, also one that names none. Where empty, it is not checked.',
    'min-version':
      'Oldest release that is accepted: its name, or its time as in names, `20260112T0930` (UTC).',
    receipt: 'Paths of the receipts that test-device wrote, separated by commas: one for each device type.',
    'receipt-key':
      'Public keys (PEM), or paths of files with them, separated by commas: one must have signed each receipt. With this a receipt is required.',
    'allow-unsigned':
      '`true` accepts a file whoever made it, where neither `verify-key` nor `receipt-key` is given. Without it that is refused.',
    fleet: 'Folder of the fleet repository; a release that `known-bad` in its `fleet.yml` lists is refused.',
  },
}
