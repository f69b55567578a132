// What is derived from the action.yml files and from the schemas in the code, and the documents that list what the code knows.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import * as v from 'valibot'
import { parse } from 'yaml'
import { commonOutputs, manifest } from '../../src/action/action.ts'
import { failureReasons } from '../../src/platform/platform.ts'
import { actionFiles, actionNames, interfaceOf, read, root } from './files.ts'

test('the manifest, the tables and the published schemas are what their sources give', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/generate.ts', '--check'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
})

test('the manifest has the inputs and outputs of every action.yml, no more and no less', () => {
  assert.deepEqual(Object.keys(manifest).sort(), actionNames())
  for (const [name, { inputs, outputs }] of Object.entries(manifest)) {
    const file = interfaceOf(`./actions/${name}`)
    assert.deepEqual(Object.keys(inputs), Object.keys(file?.inputs ?? {}), name)
    assert.deepEqual([...outputs], Object.keys(file?.outputs ?? {}), name)
  }
})

test('every action tells why it failed and whether it changed anything', () => {
  for (const [name, { outputs }] of Object.entries(manifest)) {
    for (const output of commonOutputs) {
      assert.ok((outputs as readonly string[]).includes(output), `${name} has no output ${output}`)
    }
  }
})

test('every action runs on node24 from its own bundle in dist/', () => {
  const runsSchema = v.object({
    runs: v.object({ using: v.literal('node24'), main: v.string(), post: v.optional(v.string()) }),
  })
  for (const { path, text } of actionFiles()) {
    const name = path.split('/')[1]
    const { runs } = v.parse(runsSchema, parse(text))
    assert.equal(runs.main, `../../dist/${name}.mjs`)
    if (runs.post !== undefined) assert.equal(runs.post, `../../dist/${name}-post.mjs`)
  }
})

test('docs/failure-reasons.md explains every failure reason, in the order of the code, and no other', () => {
  const rows = [...read('docs/failure-reasons.md').text.matchAll(/^\| `([a-z-]+)` /gm)].map(
    ([, name]) => name,
  )
  assert.deepEqual(rows, [...failureReasons])
})

test('every link in the documents leads to a file', () => {
  const folders = [
    '.',
    'docs',
    'docs/decisions',
    'examples/fleet',
    ...actionNames().map((name) => `actions/${name}`),
  ]
  const documents = folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => read(join(folder, name))),
  )
  const dead = documents.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(root, dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  )
  assert.deepEqual(dead, [])
})
