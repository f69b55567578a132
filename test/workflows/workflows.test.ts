// The project's workflows, the examples that users copy, and the YAML in the documentation.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import * as v from 'valibot'
import { parse } from 'yaml'
import { run } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'
import {
  actionFiles,
  documentedYaml,
  interfaceOf,
  problemsOf,
  repository,
  usesIn,
  workflows,
} from './files.ts'
import { diagnose } from './language-service.ts'
import { thirdParty } from './third-party.ts'

const stepSchema = v.looseObject({ id: v.optional(v.string()), uses: v.optional(v.string()) })
const jobSchema = v.looseObject({
  steps: v.optional(v.array(stepSchema), []),
  uses: v.optional(v.string()),
  permissions: v.optional(v.record(v.string(), v.string())),
  'timeout-minutes': v.optional(v.number()),
})
const workflowSchema = v.looseObject({
  on: v.unknown(),
  permissions: v.optional(v.unknown()),
  jobs: v.record(v.string(), jobSchema),
})
const parsed = workflows().map((file) => ({ ...file, workflow: v.parse(workflowSchema, parse(file.text)) }))

test("GitHub's language service finds nothing wrong in any workflow or action file", async () => {
  const found = await Promise.all([...workflows(), ...actionFiles()].map(diagnose))
  assert.deepEqual(found.flat(), [])
})

test('nor in the whole workflows that the documentation shows', async () => {
  const whole = documentedYaml().filter(({ text }) => /^jobs:/m.test(text))
  assert.ok(whole.length >= 2, 'README.md has two')
  const found = await Promise.all(
    whole.map(async ({ path, text }) => {
      const problems = await diagnose({ path: '.github/workflows/documented.yml', text })
      return problems.map((problem) => `${path}: ${problem}`)
    }),
  )
  assert.deepEqual(found.flat(), [])
})

test('the language service sees a wrong input, a missing input and an unknown key', async () => {
  const path = '.github/workflows/wrong.yml'
  const step = `uses: ${repository}/actions/build-image@v1`
  const text = `on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - id: image\n        ${step}\n        with: { recip: x }\n      - run: ls\n        shel: bash\n`
  const found = (await diagnose({ path, text })).join('\n')
  assert.match(found, /recip/)
  assert.match(found, /recipe/)
  assert.match(found, /shel/)
})

test('every use of our own actions and workflows names inputs and secrets that exist, and all required ones', () => {
  const wrong = [...workflows(), ...documentedYaml()].flatMap((file) =>
    usesIn(file)
      .flatMap(problemsOf)
      .map((problem) => `${file.path}: ${problem}`),
  )
  assert.deepEqual(wrong, [])
})

test('a use of a local action with a wrong or a missing input is found', () => {
  assert.deepEqual(problemsOf({ uses: './actions/build-image', with: { recip: 'image.yml' } }), [
    './actions/build-image: there is no input "recip"',
    './actions/build-image: the input "recipe" is missing',
  ])
  const called = { uses: `${repository}/.github/workflows/build-and-test-os.yml@v1`, with: { server: 'x' } }
  assert.ok(problemsOf(called).some((problem) => problem.endsWith('the secret "ota-token" is missing')))
})

test('every output that a workflow reads from a step of ours exists', () => {
  // an action's README may show an excerpt, a page of docs/ shows whole workflows
  const documented = documentedYaml()
    .filter(({ path, text }) => path.startsWith('docs/') && /^jobs:/m.test(text))
    .map(({ path, text }) => ({ path, workflow: v.parse(v.pick(workflowSchema, ['jobs']), parse(text)) }))
  const wrong = [...parsed, ...documented].flatMap(({ path, workflow }) =>
    Object.values(workflow.jobs).flatMap((job) => unknownOutputs(job).map((name) => `${path}: ${name}`)),
  )
  assert.deepEqual(wrong, [])
})

test('a device that is updated and then tested in one job is leased until that ends', () => {
  const shown = documentedYaml()
    .filter(({ path, text }) => /^(README|docs\/artifacts)/.test(path) && /^jobs:/m.test(text))
    .map(({ path, text }) => ({ path, workflow: v.parse(v.pick(workflowSchema, ['jobs']), parse(text)) }))
  const called = parsed.filter(({ path }) => path === '.github/workflows/build-and-test-os.yml')
  const jobs = [...called, ...shown].flatMap(({ path, workflow }) =>
    Object.entries(workflow.jobs).map(([name, { steps }]) => ({ where: `${path}: ${name}`, steps })),
  )
  const uses = (action: string, steps: readonly { uses?: string | undefined }[]) =>
    steps.flatMap((step) => (step.uses?.startsWith(`${repository}/actions/${action}@`) ? [step] : []))
  const tested = jobs.filter(
    ({ steps }) => uses('dispatch-artifact', steps).length > 0 && uses('test-device', steps).length > 0,
  )
  assert.equal(tested.length, 3)
  for (const { where, steps } of tested) {
    const [taken, returned, ...more] = uses('lease-device', steps).map((step) => JSON.stringify(step))
    const [dispatch] = uses('dispatch-artifact', steps).map((step) => JSON.stringify(step))
    assert.deepEqual([more.length, taken?.includes('"lease":')], [0, false], where)
    for (const step of [returned, dispatch])
      assert.match(step ?? '', /"lease":"\$\{\{ steps\.lab\.outputs\.lease \}\}"/, where)
  }
})

test('an output that no step gives is found', () => {
  const step = { id: 'image', uses: `${repository}/actions/build-image@v1` }
  const job = { steps: [step, { run: 'ls', env: { A: '${{ steps.image.outputs.rootf }}' } }] }
  assert.deepEqual(unknownOutputs(job), ['steps.image.outputs.rootf'])
})

test('actions of others are pinned to a commit that was looked at, with the version beside it', () => {
  const loose = [...workflows(), ...documentedYaml()].flatMap(({ path, text }) =>
    [...text.matchAll(/\buses: *['"]?([^\s'"]+)(.*)/g)]
      .filter(([, uses = '']) => !uses.startsWith('./') && !uses.startsWith(`${repository}/`))
      .filter(([, uses = '', rest = '']) => {
        const [name = '', commit] = uses.split('@')
        const pinned = thirdParty[name]
        return commit !== pinned?.commit || rest.trim() !== `# ${pinned?.version}`
      })
      .map(([line]) => `${path}: ${line}`),
  )
  assert.deepEqual(loose, [])
})

test('a workflow grants nothing at its top, and every job says what it needs and how long it may take', () => {
  const wrong = parsed.flatMap(({ path, workflow }) => [
    ...(isEmpty(workflow.permissions) ? [] : [`${path}: no "permissions: {}" at the top`]),
    ...Object.entries(workflow.jobs).flatMap(([name, job]) => [
      ...(job.permissions ? [] : [`${path}: ${name} has no permissions of its own`]),
      ...(job['timeout-minutes'] || job.uses ? [] : [`${path}: ${name} has no timeout-minutes`]),
    ]),
  ])
  assert.deepEqual(wrong, [])
})

test("no workflow runs a pull request's code with the rights of the base repository", () => {
  const risky = parsed.filter(({ workflow }) =>
    /pull_request_target|workflow_run/.test(JSON.stringify(workflow.on)),
  )
  assert.deepEqual(
    risky.map(({ path }) => path),
    [],
  )
  const shown = documentedYaml().filter(({ text }) => text.includes('pull_request_target'))
  assert.deepEqual(
    shown.map(({ path }) => path),
    [],
    'nor does one that the docs show',
  )
})

test('nothing from outside is pasted into a script', () => {
  const pasted = parsed.flatMap(({ path, workflow }) =>
    scripts(workflow)
      .filter((script) => /\$\{\{/.test(script))
      .map((script) => `${path}: ${script.split('\n')[0]}`),
  )
  assert.deepEqual(pasted, [], 'use env: and "$VARIABLE" instead')
})

test('a workflow that writes to a fleet waits for its turn instead of replacing the one before', () => {
  const schedule = parsed.find(({ path }) => path === 'examples/fleet/.github/workflows/schedule.yml')
  assert.deepEqual(schedule?.workflow['concurrency'], { group: 'schedule', queue: 'max' })
})

test('what templates read is given line by line, masked, and a wrong line is red', async (t) => {
  const scripts = parsed.flatMap(({ workflow }) =>
    Object.values(workflow.jobs).flatMap(({ steps }) =>
      steps.flatMap((step) =>
        'name' in step && step.name === 'Give templates their variables' ? [step.run] : [],
      ),
    ),
  )
  assert.equal(scripts.length, 2, 'before plans and before runs of the schedule')
  for (const script of scripts) {
    const file = join(await temporaryFolder(t), 'env')
    const given = async (VARIABLES: string) => {
      await writeFile(file, '')
      const args = ['--noprofile', '--norc', '-eo', 'pipefail', '-c', String(script)]
      const { code, stdout } = await run('bash', args, { env: { VARIABLES, GITHUB_ENV: file } })
      return { code, stdout, written: await readFile(file, 'utf8') }
    }
    assert.deepEqual(await given(''), { code: 0, stdout: '', written: '' })
    assert.deepEqual(await given('FLEET_A=x=1 2\n\nB=$(ls)\n'), {
      code: 0,
      stdout: '::add-mask::x=1 2\n::add-mask::$(ls)\n',
      written: 'FLEET_A=x=1 2\nB=$(ls)\n',
    })
    const wrong = await given('FLEET_A=x\nnothing')
    assert.deepEqual([wrong.code, wrong.stdout.includes('nothing')], [1, false])
  }
})

function isEmpty(permissions: unknown): boolean {
  return permissions !== null && typeof permissions === 'object' && Object.keys(permissions).length === 0
}

function scripts(node: unknown): string[] {
  if (node === null || typeof node !== 'object') return []
  const own = 'run' in node && typeof node.run === 'string' ? [node.run] : []
  return [...own, ...Object.values(node).flatMap(scripts)]
}

/** The `steps.x.outputs.y` in `job` where x is no step of it, or an action of ours without the output y. */
function unknownOutputs(job: unknown): string[] {
  const { steps } = v.parse(v.object({ steps: v.optional(v.array(stepSchema), []) }), job)
  const outputsOf = new Map(
    steps.flatMap(({ id, uses }) =>
      id ? [[id, uses ? interfaceOf(uses)?.outputs : undefined] as const] : [],
    ),
  )
  return [...JSON.stringify(job).matchAll(/steps\.([\w-]+)\.outputs\.([\w-]+)/g)]
    .filter(([, id = '', name = '']) => {
      const outputs = outputsOf.get(id)
      return !outputsOf.has(id) || (outputs !== undefined && !(name in outputs))
    })
    .map(([text]) => text)
}
