import { test } from 'node:test'
import { baseImage } from '../support/base-image.ts'
import { cannotEmulate } from '../support/machines.ts'
import { updateMachine } from './machine-update.ts'

test(
  'the real client updates a machine, and leaves a system that does not boot',
  { skip: cannotEmulate() },
  async (t) => {
    const arch = process.arch === 'arm64' ? 'arm64' : 'amd64'
    await updateMachine(t, await baseImage(), { arch, bootMs: 120_000 })
  },
)
