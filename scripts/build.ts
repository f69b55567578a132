// Bundles every entry point into dist/: one ES module each, and shared chunks. The output depends on the sources and the
// lock file alone, so CI compares it byte for byte. With --check it builds elsewhere and compares; --out FOLDER builds
// into another folder, --only NAME (repeatable) just some of the entry points.
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import * as esbuild from 'esbuild'

const root = join(import.meta.dirname, '..')
const { values: options } = parseArgs({
  options: { check: { type: 'boolean' }, out: { type: 'string' }, only: { type: 'string', multiple: true } },
})
const isCheck = options.check === true
const output = isCheck
  ? mkdtempSync(join(tmpdir(), 'drover-dist-'))
  : resolve(options.out ?? join(root, 'dist'))

const entries: Record<string, string> = {
  drover: 'src/cli/main.ts',
  'ota-server': 'src/server/process.ts',
  crowd: 'src/simulator/crowd-process.ts',
}
for (const name of readdirSync(join(root, 'actions'))) {
  for (const [file, suffix] of [
    ['main.ts', ''],
    ['post.ts', '-post'],
  ] as const) {
    if (existsSync(join(root, 'actions', name, file))) entries[`${name}${suffix}`] = `actions/${name}/${file}`
  }
}

for (const name of Object.keys(entries))
  if (options.only && !options.only.includes(name)) delete entries[name]

if (!isCheck) rmSync(output, { recursive: true, force: true })
const { metafile } = await esbuild.build({
  absWorkingDir: root,
  entryPoints: entries,
  outdir: output,
  outExtension: { '.js': '.mjs' },
  entryNames: '[name]',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  charset: 'utf8',
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  // several dependencies are CommonJS and call require for Node's own modules
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  plugins: [withoutSideEffects()],
})
for (const path of foreignChunks(metafile)) await minify(join(root, path))
writeFileSync(join(output, 'THIRD_PARTY_LICENSES'), licences(Object.keys(metafile.inputs)))

if (isCheck) {
  const differing = compare(join(root, 'dist'), output)
  rmSync(output, { recursive: true, force: true })
  if (differing.length > 0) {
    console.error(`dist/ is not what the sources give: run npm run build. Differing: ${differing.join(', ')}`)
    process.exit(1)
  }
  console.log('dist/ is what the sources give')
}

/**
 * @actions/core imports an HTTP client for OIDC tokens alone. These packages do nothing on import, so where no name of
 * theirs is used they can go: it saves every action from loading undici before its first line.
 */
function withoutSideEffects(): esbuild.Plugin {
  return {
    name: 'without-side-effects',
    setup(build) {
      build.onResolve(
        {
          filter:
            /^(@actions\/http-client|@actions\/core|@actions\/exec|@actions\/io|undici|valibot|yaml)(\/|$)/,
        },
        async (args) => {
          if (args.pluginData === 'seen') return undefined
          const { path, errors } = await build.resolve(args.path, {
            importer: args.importer,
            kind: args.kind,
            resolveDir: args.resolveDir,
            pluginData: 'seen',
          })
          return errors.length > 0 ? { errors } : { path, sideEffects: false }
        },
      )
    },
  }
}

/** Large chunks with nothing of ours in them: nobody reads those here, so they need not be long. */
function foreignChunks({ outputs }: esbuild.Metafile): string[] {
  return Object.entries(outputs).flatMap(([path, { bytes, inputs }]) =>
    bytes > 1 << 20 && Object.keys(inputs).every((input) => input.includes('node_modules/')) ? [path] : [],
  )
}

async function minify(path: string): Promise<void> {
  const options = {
    minify: true,
    format: 'esm',
    target: 'node24',
    lineLimit: 4000,
    legalComments: 'none',
  } as const
  const { code } = await esbuild.transform(readFileSync(path, 'utf8'), options)
  writeFileSync(path, code)
}

/** The licence texts of everything that is bundled, as their licences ask. */
function licences(inputs: string[]): string {
  const packages = new Set<string>()
  for (const input of inputs) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)
    if (match?.[1]) packages.add(match[1])
  }
  const parts = [...packages].sort().map((folder) => {
    const { name, version, license } = JSON.parse(
      readFileSync(join(root, folder, 'package.json'), 'utf8'),
    ) as {
      name: string
      version: string
      license?: string
    }
    const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry))
    const text = file
      ? readFileSync(join(root, folder, file), 'utf8').trim()
      : `(no licence file; declared: ${license})`
    return `${name} ${version} (${license})\n\n${text}\n`
  })
  return parts.join(`\n${'-'.repeat(80)}\n\n`)
}

function compare(a: string, b: string): string[] {
  const files = (folder: string) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
  const all = new Set([...files(a), ...files(b)])
  return [...all].filter((file) => {
    const [x, y] = [join(a, file), join(b, file)]
    return !existsSync(x) || !existsSync(y) || !readFileSync(x).equals(readFileSync(y))
  })
}
