// Compiles assembly/deflate.ts to WebAssembly and writes it as src/artifact/archive/deflate-code.ts. With --check it only
// compares. The compiler's version is fixed, and its output depends on the source alone.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { main } from 'assemblyscript/asc'

const root = join(import.meta.dirname, '..')
const target = join(root, 'src', 'artifact', 'archive', 'deflate-code.ts')
let code: Uint8Array | undefined
const args = [
  'deflate.ts',
  '--outFile',
  'deflate.wasm',
  '--runtime',
  'stub',
  '-O3',
  '--converge',
  '--noAssert',
]
const memory = ['--initialMemory', '64', '--maximumMemory', '64', '--memoryBase', '1024', '--use', 'abort=']
const { error } = await main([...args, ...memory], {
  readFile: (name: string) => {
    try {
      return readFileSync(join(root, 'assembly', name), 'utf8')
    } catch {
      return null
    }
  },
  writeFile: (_name: string, content: Uint8Array | string) => {
    if (typeof content !== 'string') code = content
  },
})
if (error !== null || code === undefined) throw new Error('the compiler refused it', { cause: error })
const lines = Buffer.from(code)
  .toString('base64')
  .replaceAll(/.{1,116}/g, '  $&\n')
const text = `// Made of assembly/deflate.ts by \`node scripts/assemble.ts\`: not to be edited.
const base64 = \`
${lines}\`

/** The compressor of deflate.ts as WebAssembly. */
export function deflateCode(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(base64, 'base64'))
}
`
if (!process.argv.includes('--check')) {
  writeFileSync(target, text)
} else if (readFileSync(target, 'utf8') !== text) {
  console.error('deflate-code.ts is not what assembly/deflate.ts gives: run node scripts/assemble.ts')
  process.exit(1)
}
