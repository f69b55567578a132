// A virtual device with an account for runners and a stand-in for GitHub's runner, a fleet repository that has the device,
// and a stand-in for GitHub's API that sees the runner online when the device's is.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type StandIn, startGitHub } from '../github/stand-in.ts'
import { type TestDevice, bootDevice } from '../support/devices.ts'
import { type RunnerOptions, type RunnerResult, runInRunner } from '../support/runner.ts'
import { temporaryFolder } from '../support/temporary.ts'

/** Where the stand-in for the runner writes down how it was started. */
export const record = '/var/tmp/stand-in'
export const home = '/home/runner'
export const installed = '/opt/actions-runner'

export interface RunnerLab {
  device: TestDevice
  github: StandIn
  /** Inputs for the device. */
  inputs: Record<string, string>
  /** Runs the action, with other inputs or variables where given. */
  enroll: (
    changes?: Record<string, string>,
    options?: Pick<RunnerOptions, 'env' | 'onLine'>,
  ) => Promise<RunnerResult>
  /** Runs lines of shell on the device as root and returns what they printed; throws where they fail. */
  shell: (lines: string, input?: string) => Promise<string>
  /** What was written down under this name. */
  recorded: (name: string) => Promise<string>
  /** What of a runner is on the device: its folder and its processes; empty when it is gone. */
  remains: () => Promise<string>
  /** Makes the device and GitHub forget what was before. */
  startOver: (mode?: 'works' | 'leaks' | 'offline') => Promise<void>
}

/** Starts it all; it goes when the test ends. */
export async function startRunnerLab(t: TestContext): Promise<RunnerLab> {
  const github = await startGitHub(t)
  const device = await bootDevice(t)
  const workspace = await fleetRepository(t)
  const shell: RunnerLab['shell'] = async (lines, input) => {
    const given = input === undefined ? {} : { input }
    const { code, stdout, stderr } = await device.connection.run('sh', ['-c', lines], given)
    assert.equal(code, 0, `${lines}: ${stderr}`)
    return stdout
  }
  await makeHost(shell)
  github.runners.isOnline = async (name) => (await onlineOn(shell)) === name
  const inputs = {
    device: 'lab-01',
    address: device.device.sshUrl.replace('root@', 'runner@'),
    'ssh-key': device.key.path,
    'host-key': device.device.hostKey,
    'github-token': 'token-of-an-app',
  }
  const startOver: RunnerLab['startOver'] = async (mode = 'works') => {
    Object.assign(github.runners, { registered: [], configurations: [], removed: [], deviations: [] })
    github.requests.length = 0
    await shell(recordAnew(mode))
  }
  return {
    device,
    github,
    inputs,
    shell,
    startOver,
    enroll: async (changes = {}, { env = {}, onLine } = {}) =>
      await runInRunner('enroll-device', {
        workspace,
        inputs: { ...inputs, ...changes },
        env: { GITHUB_API_URL: github.url, GITHUB_RUN_ID: '42', ...env },
        ...(onLine ? { onLine } : {}),
      }),
    recorded: async (name) => (await shell(`cat ${record}/${name}`)).trimEnd(),
    remains: () => remainsOn(shell),
  }
}

/** Makes a device of ours a host: an account, and the stand-in where an image has GitHub's runner. */
export async function makeHost(shell: RunnerLab['shell']): Promise<void> {
  await shell(
    `set -e
     useradd --create-home --home-dir ${home} --shell /bin/sh --password '*' runner
     # the image has one file of keys for all accounts
     chmod 755 /data/ssh && chmod 644 /data/ssh/authorized_keys
     mkdir -p ${installed}/bin
     cat >${installed}/run.sh
     chmod 755 ${installed}/run.sh
     ${recordAnew('works')}`,
    await readFile(join(import.meta.dirname, 'stand-in-runner.sh'), 'utf8'),
  )
}

const recordAnew = (mode: string) => `rm -rf ${record}; mkdir -m 777 ${record}; echo ${mode} >${record}/mode`

/** The name of the runner that is online on the device, where one is. */
export async function onlineOn(shell: RunnerLab['shell']): Promise<string> {
  return (await shell(`cat ${record}/online 2>/dev/null || true`)).trim()
}

/** What of a runner is on the device: its folder and its processes; empty when it is gone. */
export async function remainsOn(shell: RunnerLab['shell']): Promise<string> {
  return await shell(
    `ls -d ${home}/.drover-runner 2>/dev/null; grep -lsF DROVER_RUNNER= /proc/[0-9]*/environ; pgrep -f '[s]leep 4000'; true`,
  )
}

/** A workspace that is a fleet repository: `lab-01` is to be a runner, `shop-01` isn't. */
export async function fleetRepository(t: TestContext, more = ''): Promise<string> {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'host_vars'))
  await writeFile(join(folder, 'inventory.yml'), 'all:\n  hosts:\n    lab-01:\n    shop-01:\n')
  const common = 'subscribed_branch: main\nos_image: any\n'
  await writeFile(
    join(folder, 'host_vars/lab-01.yml'),
    `${common}device_id: id-of-lab-01\ndevice_type: virtual\nroles: [runner]\n${more}`,
  )
  await writeFile(join(folder, 'host_vars/shop-01.yml'), common)
  return folder
}

/** The digest of a secret, for comparing it with what the stand-in wrote down. */
export const digestOf = (secret: string) => createHash('sha256').update(secret).digest('hex')
