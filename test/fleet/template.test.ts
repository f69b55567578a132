import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as v from 'valibot'
import { type Rendered, loadTemplates } from '../../src/fleet/fleet.ts'
import { runOk } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { undo } from '../support/undo.ts'
import { randomTemplate } from './random-template.ts'
import { ofAnsible, ofJinja, variables } from './template-cases.ts'

// plain Jinja2 with Ansible's settings, and Ansible's own Templar: its plugins and its rules for types
const program = `
import json, sys
from jinja2 import Environment, StrictUndefined
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
import ansible.plugins.loader
given = json.load(open(sys.argv[1]))
variables = given['variables']
def attempt(work):
    try: value = work()
    except Exception as error: return {'error': type(error).__name__}
    try: return {'value': json.loads(json.dumps(value)), 'text': str(value)}
    except Exception: return {'error': 'no JSON'}
env = Environment(trim_blocks=True, undefined=StrictUndefined, finalize=lambda x: '' if x is None else x)
templar = Templar(DataLoader(), variables=variables)
json.dump({
    'jinja': [attempt(lambda: env.from_string(t).render(variables)) for t in given['jinja']],
    'files': [attempt(lambda: templar.template(t, convert_data=False, escape_backslashes=False, preserve_trailing_newlines=False)) for t in given['jinja']],
    'variables': [attempt(lambda: templar.template(t)) for t in given['ansible']],
}, sys.stdout)
`

const answer = v.object({ value: v.optional(v.unknown()), error: v.optional(v.string()) })
type Answer = v.InferOutput<typeof answer>
const answers = v.object({ jinja: v.array(answer), files: v.array(answer), variables: v.array(answer) })

const environment = {
  FLEET_TEST_A: 'value of a',
  FLEET_TEST_LIST: '[1, "two"]',
  FLEET_TEST_BRACES: '{{ name }}',
}

async function theirs(t: TestContext, files: readonly string[], values: readonly string[]) {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'given.json')
  await writeFile(file, JSON.stringify({ variables, jinja: files, ansible: values }))
  const text = await runOk('/usr/bin/python3', ['-c', program, file], {
    what: 'ansible',
    env: { ...environment, HOME: folder, ANSIBLE_LOCAL_TEMP: folder },
  })
  return v.parse(answers, JSON.parse(text))
}

/** How ours compares: equal, refused as unsupported, or an error on both sides; else what is different. */
function judged(
  template: string,
  ours: Rendered,
  their: Answer,
  by: string,
): { equal: boolean; said?: string } {
  if (!ours.ok && ours.isUnsupported) return { equal: false }
  const isSame = ours.ok
    ? their.error === undefined && JSON.stringify(ours.value) === JSON.stringify(their.value)
    : their.error !== undefined
  if (isSame) return { equal: true }
  const ourWord = ours.ok ? JSON.stringify(ours.value) : `error: ${ours.message}`
  return {
    equal: false,
    said: `${JSON.stringify(template)}: ${ourWord}, ${by} ${their.error ?? JSON.stringify(their.value)}`,
  }
}

/** Everything that is different between ours and the real ones, and how much is equal, or refused. */
async function compare(t: TestContext, files: readonly string[], values: readonly string[]) {
  Object.assign(process.env, environment)
  undo(t, async () => {
    for (const name of Object.keys(environment)) delete process.env[name]
  })
  const templates = await loadTemplates()
  const real = await theirs(t, files, values)
  const results = [
    ...files.flatMap((text, index) => {
      const ours = templates.file(text, variables)
      return [
        judged(text, ours, real.jinja[index] ?? {}, 'Jinja2'),
        judged(text, ours, real.files[index] ?? {}, 'Ansible (file)'),
      ]
    }),
    ...values.map((text, index) =>
      judged(text, templates.variable(text, variables), real.variables[index] ?? {}, 'Ansible'),
    ),
  ]
  const equal = results.filter((result) => result.equal).length
  return { equal, all: results.length, different: results.flatMap(({ said }) => said ?? []) }
}

const skip = needs('ansible-inventory')

test('templates give what Jinja2 and Ansible make of them, or are refused', { skip }, async (t) => {
  const { equal, all, different } = await compare(t, ofJinja, ofAnsible)
  assert.deepEqual(different, [])
  t.diagnostic(
    `${ofJinja.length + ofAnsible.length} templates, ${all} comparisons: ${equal} equal, ${all - equal} refused`,
  )
  assert.ok(equal > 250, `only ${equal} are equal`)
})

test('five hundred random templates do too', { skip }, async (t) => {
  const texts = Array.from({ length: 500 }, (_, seed) => randomTemplate(seed + 1))
  const { equal, all, different } = await compare(t, [], texts)
  // a list with something undefined in it is an error here already, there where it is used
  assert.deepEqual(
    different.filter((said) => !/error: .*(is not defined|of nothing)/.test(said)),
    [],
  )
  t.diagnostic(`${all} random templates: ${equal} equal, ${all - equal} refused`)
  assert.ok(equal > 250, `only ${equal} are equal`)
})
