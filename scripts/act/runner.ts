// The workflow that tests a device on the device itself, as far as act goes: its first job, which ends with a runner that is
// online on the device. act has no runner for the second one, whose label is known only then.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from '../../src/device/device.ts'
import { addressOf, hostKeysOf, readFacts } from '../../src/ota/ota.ts'
import { plainContext } from '../../src/platform/platform.ts'
import { makeHost, onlineOn, record, remainsOn } from '../../test/operate/runner-lab.ts'
import type { Check } from '../act-workflows.ts'
import { expect, expectGreen, outputOf, stepOf } from './expect.ts'
import { checkOut, commitOf, makeFleetRepository } from './fleet-repository.ts'
import { pullRequest, startGitHub } from './github.ts'
import { reported, until } from './lab.ts'
import { type Place, runAct } from './run-act.ts'
import { type Lab, labOf } from './shared-lab.ts'

const app = 'actions/create-github-app-token'

export const runnerChecks: readonly Check[] = [
  {
    title: 'a fleet repository: the workflow for tests on the device itself starts a runner there',
    run: async (place) => {
      const lab = await labOf(place)
      const id = lab.devices.get('lab-01') ?? ''
      const release = (await reported(place, lab.server)).find((device) => device.id === id)?.release ?? ''
      const fleet = await makeFleetRepository(place, lab, {
        as: 'fleet-runner',
        from: release,
        to: release === lab.next ? lab.base : lab.next,
      })
      const github = await startGitHub(await commitOf(fleet, 'update-os'))
      const { shell, close } = await rootOn(place, lab, id)
      try {
        await makeHost(shell)
        github.runners.isOnline = async (name) => (await onlineOn(shell)) === name
        const result = await runAct(place, {
          repository: await checkOut(place, fleet, 'main', 'runner'),
          file: '.github/workflows/test-on-device.yml',
          event: 'workflow_dispatch',
          payload: { inputs: { release, device: id } },
          secrets: { OTA_TOKEN: lab.server.token, RUNNER_SSH_KEY: lab.sshKey, RUNNER_APP_KEY: 'none' },
          variables: { OTA_SERVER: lab.server.url, RUNNER_APP: 'none' },
          github: { url: github.url, token: 'token-of-the-job' },
          actions: { [app]: await tokenAction(place) },
          name: 'fleet-runner',
        })
        expectGreen(result)
        const [runner] = github.runners.registered
        expect(stepOf(result, 'enroll-device')?.result === 'success', 'a device that was enrolled', result)
        expect(runner?.status === 'online', 'a runner that is online', result)
        const labels = JSON.stringify(runner?.labels)
        expect(outputOf(result, 'runner', 'runs-on') === labels, `runs-on ${labels}`, result)
        expect(stepOf(result, 'test-device') === undefined, 'no second job: act has no runner for it', result)
        expect(github.runners.deviations.length === 0, github.runners.deviations.join(', '), result)
        await shell(`echo over >${record}/job`)
        await until(place, 60, async () => ((await remainsOn(shell)) === '' ? true : undefined))
      } finally {
        await close()
        github.close()
      }
    },
  },
]

/** A shell of root on a device of the lab. */
async function rootOn(place: Place, lab: Lab, id: string) {
  const { devices } = await readFacts(join(place.folder, 'facts.json'))
  const facts = devices.find((device) => device.id === id)
  if (!facts) throw new Error(`there is no device ${id}`)
  const context = plainContext({ signal: place.signal })
  const hostKey = hostKeysOf(facts).join('\n')
  const connection = await connect(`ssh://root@${addressOf(facts)}`, { context, sshKey: lab.sshKey, hostKey })
  const shell = async (lines: string, input?: string) => {
    const given = input === undefined ? {} : { input }
    const { code, stdout, stderr } = await connection.run('sh', ['-c', lines], given)
    if (code !== 0) throw new Error(`${lines}: ${stderr}`)
    return stdout
  }
  return { shell, close: () => connection.close() }
}

/** An action that gives the token for the stand-in of GitHub in place of an App's. */
async function tokenAction(place: Place): Promise<string> {
  const folder = join(place.folder, 'create-github-app-token')
  const step = { id: 'token', shell: 'bash', run: `echo token=${pullRequest.token} >>"$GITHUB_OUTPUT"` }
  const inputs = { 'client-id': {}, 'private-key': {}, 'permission-administration': {} }
  const outputs = { token: { value: '${{ steps.token.outputs.token }}' } }
  await mkdir(folder, { recursive: true })
  const action = { name: 'token', inputs, outputs, runs: { using: 'composite', steps: [step] } }
  await writeFile(join(folder, 'action.yml'), JSON.stringify(action))
  return folder
}
