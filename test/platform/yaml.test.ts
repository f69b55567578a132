import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import * as v from 'valibot'
import { Failure, parseYaml, readText, readYaml } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'

const schema = v.strictObject({
  name: v.string(),
  stages: v.record(
    v.string(),
    v.strictObject({ branch: v.string(), waves: v.optional(v.array(v.number())) }),
  ),
})

function problemsOf(text: string) {
  try {
    parseYaml(text, 'fleet.yml', schema)
  } catch (error) {
    assert.ok(error instanceof Failure)
    assert.equal(error.reason, 'invalid-file')
    return error.problems
  }
  return assert.fail('it was accepted')
}

test('every problem of a file is named with its line and column', () => {
  const problems = problemsOf('name: 3\nstages:\n  canary:\n    branche: canary\n    waves: [1, two]\n')
  assert.deepEqual(
    problems.map(({ file, line, column }) => `${file}:${line}:${column}`),
    ['fleet.yml:1:1', 'fleet.yml:3:3', 'fleet.yml:4:5', 'fleet.yml:5:16'],
  )
})

test('a value of another kind is told in words of YAML', () => {
  const told = (text: string) => problemsOf(text).map(({ message }) => message)
  assert.deepEqual(
    told('stages: text\n'),
    ['stages: it has to be keys, each with its value, not "text"', 'name: is missing'].toReversed(),
  )
  assert.deepEqual(told('name: x\nstages: { canary: { branch: [a], waves: all } }\n'), [
    'stages.canary.branch: it has to be text, not a list',
    'stages.canary.waves: it has to be a list, not "all"',
  ])
})

test('a list is not taken for keys', () => {
  const [problem, ...others] = problemsOf('name: x\nstages:\n  - branch: canary\n')
  assert.equal(problem?.message, 'stages: it has to be keys, each with its value')
  assert.equal(problem?.line, 2)
  assert.deepEqual(others, [])
})

test('a file that is no YAML is named with the line where it breaks', () => {
  const [problem] = problemsOf('name: x\nstages: [\n')
  assert.ok(problem?.line !== undefined && problem.line >= 2)
})

test('a key given twice is a problem', () => {
  const [problem] = problemsOf('name: x\nname: y\nstages: {}\n')
  assert.equal(problem?.line, 2)
})

test('aliases that multiply without end are refused', () => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]']
  for (let i = 1; i < 9; i++)
    bomb.push(
      `${'abcdefghi'[i]}: &${'abcdefghi'[i]} [${Array(9)
        .fill(`*${'abcdefghi'[i - 1]}`)
        .join(',')}]`,
    )
  assert.ok(problemsOf(bomb.join('\n')).length > 0)
})

test('a value knows where it stands', () => {
  const parsed = parseYaml(
    'name: x\nstages:\n  a:\n    branch: b\n    waves:\n      - 1\n      - 2\n',
    'f',
    schema,
  )
  assert.deepEqual(parsed.locate(['stages', 'a', 'waves', 1]), { line: 7, column: 9 })
  assert.deepEqual(parsed.locate(['stages', 'a', 'gate']), { line: 3, column: 3 })
})

test('a missing file and a huge one are failures of their own', async (t) => {
  const folder = await temporaryFolder(t)
  await assert.rejects(readYaml(join(folder, 'none.yml'), schema), { reason: 'file-missing' })
  await writeFile(join(folder, 'huge'), 'x'.repeat(2000))
  await assert.rejects(readText(join(folder, 'huge'), 1000), { reason: 'invalid-file' })
})

test('what has no end or never begins is refused at once', async (t) => {
  const folder = await temporaryFolder(t)
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  for (const path of ['/dev/zero', pipe, folder]) {
    await assert.rejects(readText(path), { reason: 'invalid-file', message: `${path} is no plain file` })
  }
  assert.match(await readText('/proc/self/status'), /^Name:/, 'a file of the kernel says that it is empty')
  await assert.rejects(readText('/proc/self/status', 100), { reason: 'invalid-file' })
})
