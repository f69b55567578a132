// `npm run bench`: sets up like the demonstration, then measures on Node 24.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { node24, setUp } from './setup.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
await setUp({ packages: 'demo' })
const child = spawn(node24(), [join(root, 'bench', 'main.ts'), ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
})
child.on('exit', (code) => process.exit(code ?? 1))
