#!/usr/bin/env node
// Starts the bundled command line on Node 24, also where an older Node is on PATH.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../dist/drover.mjs', import.meta.url))
if (Number(process.versions.node.split('.')[0]) >= 24) {
  await import(program)
} else {
  const node = node24()
  if (!node) {
    console.error(
      `drover needs Node 24; this is Node ${process.versions.node}, and there is no build of Node 24 for ${process.platform}-${process.arch} here. Run npm ci in drover's folder, or install Node 24.`,
    )
    process.exit(1)
  }
  const child = spawn(node, [program, ...process.argv.slice(2)], { stdio: 'inherit' })
  // a terminal's Ctrl-C reaches the child without us too; it takes the two for one
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name))
  child.on('exit', (status, signal) => process.exit(status ?? 128 + constants.signals[signal]))
}

function node24() {
  try {
    const require = createRequire(import.meta.url)
    const path = require.resolve(`node-linux-${process.arch}/bin/node`)
    return existsSync(path) ? path : undefined
  } catch {
    return undefined
  }
}
