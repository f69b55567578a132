import { join } from 'node:path'
import { buildSync } from 'esbuild'

/** Bundles a file of this folder as dist/ is bundled, so that it starts and runs as what users get; gives its command line. */
export function bundled(name: string, folder: string): [string, ...string[]] {
  buildSync({
    entryPoints: [join(import.meta.dirname, `${name}.ts`)],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    // what a command doesn't need is in other files, and not read
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // several dependencies are CommonJS and call require for Node's own modules
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  })
  return [process.execPath, join(folder, `${name}.mjs`)]
}
