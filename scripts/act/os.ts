// The workflow of an OS repository: green for a good commit, red for one with a test that fails on the device.
import { generateKeyPairSync } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { changeOs, commit, git } from '../../demo/repositories.ts'
import type { Check } from '../act-workflows.ts'
import { expect, expectGreen, outputOf, stepOf } from './expect.ts'
import { type CheckRun, pullRequest, startGitHub } from './github.ts'
import { reported } from './lab.ts'
import { adaptWorkflows, exampleRepository } from './place.ts'
import { type Place, type Workflow, type WorkflowResult, keptArtifact, runAct } from './run-act.ts'
import { type Lab, deviceType, labOf } from './shared-lab.ts'

const file = '.github/workflows/build-and-test.yml'

export const osChecks: readonly Check[] = [
  {
    title: 'an OS repository: a push builds, updates a device, tests it, and is green',
    run: async (place) => {
      const repository = await osRepository(place, 'os')
      // the lab has the release before it unsigned
      await writeFile(join(repository, 'README.md'), 'An OS.\n')
      await commit(repository, 'Say what this is', '2026-01-13T09:30:00Z')
      const [signing, receipts] = [keyPair(), keyPair()]
      const { server } = await labOf(place)
      const result = await runOnGitHub(place, {
        repository,
        file,
        event: 'push',
        secrets: { OTA_TOKEN: server.token, SIGNING_KEY: signing.private, RECEIPT_KEY: receipts.private },
        variables: {
          OTA_SERVER: server.url,
          VERIFY_KEY: signing.public,
          RECEIPT_VERIFY_KEY: receipts.public,
        },
        name: 'os-push',
      })
      expectGreen(result)
      expect(stepOf(result, 'Check that')?.result === 'success', 'a release that was checked', result)
      expect(stepOf(result, 'Publish')?.result === 'success', 'a release that was published', result)
      const release = outputOf(result, 'release', 'release')
      expect(release === outputOf(result, 'image', 'version'), 'the release that was built', result)
      expect(release !== outputOf(result, 'before', 'version'), 'a newer release than before', result)
      expect(outputOf(result, 'update', 'result') === 'success', 'a device that was updated', result)
      expect(Number(outputOf(result, 'test', 'passed')) > 0, 'tests that passed', result)
      expect(outputOf(result, 'test', 'failed') === '0', 'no test that failed', result)
      await expectTold(place, result, { conclusion: 'success', report: release })
    },
  },
  {
    title: 'an OS repository: a push that would publish without its keys is red before anything is built',
    run: async (place) => {
      const repository = await osRepository(place, 'os-without-keys')
      const { server } = await labOf(place)
      const result = await runOnGitHub(place, {
        repository,
        file,
        event: 'push',
        secrets: { OTA_TOKEN: server.token, SIGNING_KEY: keyPair().private },
        variables: { OTA_SERVER: server.url },
        name: 'os-without-keys',
      })
      expect(!result.isGreen, 'a red workflow', result)
      expect(stepOf(result, 'Look whether')?.result === 'failure', 'the first step to be what failed', result)
      const missing = 'variable VERIFY_KEY, variable RECEIPT_VERIFY_KEY, secret RECEIPT_KEY. Add'
      expect(result.log.includes(missing), 'what is missing, by name', result)
      expect(stepOf(result, 'build-image')?.result !== 'success', 'nothing built', result)
    },
  },
  {
    title: 'an OS repository: a pull request with a test that fails on the device is red',
    run: async (place) => {
      const repository = await osRepository(place, 'os-red')
      await failingTest(repository)
      const result = await ofPullRequest(place, repository)
      expect(!result.isGreen, 'a red workflow', result)
      expect(stepOf(result, 'dispatch-artifact')?.result === 'success', 'an update that worked', result)
      expect(stepOf(result, 'test-device')?.result === 'failure', 'the test step to be what failed', result)
      expect(outputOf(result, 'test', 'failure-reason') === 'tests-failed', 'tests-failed', result)
      expect(outputOf(result, 'test', 'failed') === '1', 'one test that failed', result)
      await expectTold(place, result, { conclusion: 'failure', report: 'coffee_machine' })
      expect(stepOf(result, 'Switch')?.result === 'success', 'a device that was switched off', result)
    },
  },
  {
    title: 'an OS repository: the workflow that can be called updates a free device of the lab and tests it',
    run: async (place) => {
      const lab = await labOf(place)
      const repository = await osRepository(place, 'os-called')
      await writeFile(join(repository, '.github', 'workflows', 'lab.yml'), caller(lab))
      await commit(repository, 'Call the workflow', '2026-01-15T10:00:00Z')
      const result = await runOnGitHub(place, {
        repository,
        file: '.github/workflows/lab.yml',
        event: 'push',
        secrets: { OTA_TOKEN: lab.server.token, LAB_SSH_KEY: lab.sshKey },
        name: 'os-called',
      })
      expectGreen(result)
      expect(stepOf(result, 'test-device')?.result === 'success', 'tests on the device', result)
      const release = outputOf(result, 'release', 'release')
      await expectTold(place, result, { conclusion: 'success', report: release })
      expect(!/host key was not given/.test(result.log), 'a host key that the device reported', result)
      const devices = await reported(place, lab.server)
      const runs = (serial: string) => devices.find(({ id }) => id === lab.devices.get(serial))?.release
      expect(runs('lab-01') === release, `the lab device on ${release}`, result)
      expect(runs('canary-01') === lab.base, 'the other device untouched', result)
    },
  },
]

function keyPair(): { private: string; public: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    private: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    public: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}

function caller(lab: Lab): string {
  return `name: Lab
on: push
permissions: {}
jobs:
  lab:
    permissions:
      contents: read
      checks: write
    uses: drover-fleet/drover/.github/workflows/build-and-test-os.yml@v1
    with:
      server: ${lab.server.url}
      device-types: ${deviceType}
      device: lab:${deviceType}
      options: artifact.yml
    secrets:
      ota-token: \${{ secrets.OTA_TOKEN }}
      ssh-key: \${{ secrets.LAB_SSH_KEY }}
`
}

/** An OS repository with two commits on main, so that there is a release before. */
export async function osRepository(place: Place, as: string): Promise<string> {
  const repository = await exampleRepository(place, 'os', as)
  await adaptWorkflows(repository)
  await commit(repository, 'Adapt the workflows to this machine', '2026-01-05T09:00:00Z')
  await changeOs(repository)
  return repository
}

async function failingTest(repository: string): Promise<void> {
  await git(repository, ['checkout', '--quiet', '-b', 'stricter'])
  await mkdir(join(repository, 'tests'), { recursive: true })
  await writeFile(
    join(repository, 'tests', 'test_stricter.py'),
    'def test_the_device_has_a_coffee_machine(host):\n    assert host.file("/dev/coffee").exists\n',
  )
  await commit(repository, 'Expect a coffee machine', '2026-01-14T10:00:00Z')
}

/** What GitHub runs for a pull request: the merge of the branch into main. */
async function ofPullRequest(place: Place, repository: string): Promise<WorkflowSeen> {
  await git(repository, ['checkout', '--quiet', '--detach', 'main'])
  await git(repository, ['merge', '--quiet', '--no-ff', '--message=Merge', 'stricter'])
  const named = async (ref: string) => ({ ref, sha: (await git(repository, ['rev-parse', ref])).trim() })
  const [base, head] = [await named('main'), await named('stricter')]
  const payload = { number: 7, pull_request: { number: 7, base, head } }
  const event = { event: 'pull_request', payload } as const
  return await runOnGitHub(place, { repository, file, ...event, name: 'os-pull-request' })
}

/** A workflow's result, and the check runs that it left on GitHub. */
type WorkflowSeen = WorkflowResult & { checks: readonly CheckRun[] }

async function runOnGitHub(place: Place, workflow: Workflow): Promise<WorkflowSeen> {
  const github = await startGitHub((await git(workflow.repository, ['rev-parse', 'HEAD'])).trim())
  try {
    const result = await runAct(place, { ...workflow, github: { url: github.url, token: pullRequest.token } })
    return { ...result, checks: github.checks }
  } finally {
    github.close()
  }
}

/** Expects one check run, and an uploaded report in which a text is. */
async function expectTold(
  place: Place,
  result: WorkflowSeen,
  { conclusion, report }: { conclusion: string; report: string },
): Promise<void> {
  const conclusions = result.checks.map((check) => check.conclusion)
  expect(conclusions.join() === conclusion, `one check run, ${conclusion}: ${conclusions.join()}`, result)
  const kept = keptArtifact(place, 'test-results')
  const text = await readFile(join(kept, 'test-results', 'junit.xml'), 'utf8').catch(() => '')
  expect(text.includes(report), `an uploaded report with ${report}`, result)
  await rm(kept, { recursive: true, force: true })
}
