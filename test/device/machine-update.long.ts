// What machine-update.test.ts does, for boards: on any computer an arm64 image is built under emulation, which takes many
// minutes, and kept.
import { test } from 'node:test'
import { baseImage } from '../support/base-image.ts'
import { cannotEmulate } from '../support/machines.ts'
import { needs } from '../support/needs.ts'
import { updateMachine } from './machine-update.ts'

const cannotBuild = process.arch === 'arm64' ? false : needs('qemu-aarch64-static')

test(
  'the real client updates an arm64 machine, and leaves a system that does not boot',
  { skip: cannotEmulate('arm64') || cannotBuild, timeout: 2 * 3_600_000 },
  async (t) => {
    await updateMachine(t, await baseImage('arm64'), { arch: 'arm64', bootMs: 300_000 })
  },
)
