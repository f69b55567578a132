import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { type TestContext, test } from 'node:test'
import { listInventory } from '../../src/fleet/fleet.ts'
import { Failure, type Problem } from '../../src/platform/platform.ts'
import { temporaryFolder } from '../support/temporary.ts'

/** What is wrong with a repository of these files, and what is only warned of, each as `file:line:column message`. */
async function said(t: TestContext, files: Record<string, string>) {
  const folder = await temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  const shown = (problems: readonly Problem[]) =>
    problems.map(
      ({ file, line, column, message }) => `${relative(folder, file)}:${line}:${column} ${message}`,
    )
  try {
    return { wrong: [], warned: shown((await listInventory(folder)).warnings) }
  } catch (error) {
    assert.ok(error instanceof Failure && error.reason === 'invalid-file', String(error))
    return { wrong: shown(error.problems), warned: [] }
  }
}

test('everything wrong in an INI inventory is told at once, with line and column', async (t) => {
  const { wrong } = await said(t, {
    'inventory.ini': `a b
  c x="open
pi[1:]
[web :vars]
ignored
[web:things]
[web:vars]
nothing
big = 12345678901234567890
ansible_group_priority = high
[top:children]
nowhere
`,
  })
  assert.deepEqual(
    wrong.map((problem) => problem.replace(/^inventory\.ini:/, '').slice(0, 40)),
    [
      '1:1 b: after a host stand its variables, ',
      "2:3 this line of hosts can't be read: it ",
      '3:1 pi[1:]: a range is [begin:end] or [be',
      '4:1 [web :vars]: a section is [group], [g',
      '6:1 [web:things]: a section is [group], [',
      '8:1 nothing: here stands a variable, as k',
      "9:1 big: this value of Python can't be ke",
      '10:1 ansible_group_priority must be a who',
      '7:1 there is no group web, and it has var',
      '12:1 there is no group nowhere, and top i',
    ].map((problem) => problem.slice(0, 40)),
  )
})

test('a checkout never runs: programs and plugins as inventories are refused', async (t) => {
  const program = await said(t, { inventory: '#!/bin/sh\ntouch /tmp/ran\n' })
  assert.match(program.wrong.join(), /^inventory:1:1 is a program or TOML/)
  const plugin = await said(t, { 'inventory.yml': 'plugin: constructed\n' })
  assert.match(plugin.wrong.join(), /^inventory\.yml:1:1 inventory plugins are not run/)
})

test('what is not read although it looks like an inventory is a warning', async (t) => {
  const { warned, wrong } = await said(t, {
    'inventory/a.yml': 'all: { hosts: { a: } }\n',
    'inventory/b.ini': 'b\n',
    'hosts.yml': 'all: { hosts: { c: } }\n',
  })
  assert.deepEqual(wrong, [])
  assert.match(warned.join('\n'), /^inventory\/b\.ini:1:1 is not read: .*\nhosts\.yml:1:1 is never read, as /)
})

test('a number that would become another one is refused', async (t) => {
  const { wrong } = await said(t, { 'inventory.yml': 'all:\n  vars: { serial: 12345678901234567890 }\n' })
  assert.deepEqual(wrong, ["inventory.yml:2:19 this number can't be kept exactly: write it in quotes"])
})

test('groups in a circle are a problem in INI too, also around all', async (t) => {
  const circle = await said(t, { 'inventory.ini': '[a:children]\nb\n[b:children]\na\n' })
  assert.match(circle.wrong.join(), /contain each other/)
  const all = await said(t, { 'inventory.yml': 'x: { children: { all: { hosts: { a: } } } }\n' })
  assert.match(all.wrong.join(), /the group x contains all/)
})
