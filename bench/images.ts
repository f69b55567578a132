// Images: a first build against mmdebstrap alone with the same packages, and a second one with other files. Needs root and
// the mirror; takes two minutes. The file system is measured inside the second build, which is little else.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isInstalled } from '../src/platform/platform.ts'
import { bundled } from './bundled.ts'
import type { Row } from './main.ts'
import { measured, median } from './measured.ts'

const cachedRuns = 3

/** Rows of time; none, with a word about it, where the machine can't build images. */
export async function imageRows(): Promise<Row[]> {
  if (process.getuid?.() !== 0 || !isInstalled('mmdebstrap')) {
    console.log('No rows about images: they need root and mmdebstrap.')
    return []
  }
  const folder = await mkdtemp(join(tmpdir(), 'drover-bench-'))
  try {
    const [recipe, motd] = [join(folder, 'image.yml'), join(folder, 'motd')]
    const files = 'files: [{ source: motd, path: /etc/motd }]'
    await writeFile(
      recipe,
      `name: bench\nsuite: bookworm\npackages: [openssh-server, python3-minimal]\n${files}\n`,
    )
    await writeFile(motd, 'first\n')
    const step = bundled('image-step', folder)
    const places = [recipe, join(folder, 'out'), join(folder, 'cache')]
    const plain = ['--mode=root', '--variant=minbase', '--include=openssh-server,python3-minimal', 'bookworm']
    const alone = await measured(['mmdebstrap', ...plain, join(folder, 'plain.tar')])
    const first = await measured([...step, ...places])
    const cached: number[] = []
    for (let run = 0; run < cachedRuns; run++) {
      await writeFile(motd, `run ${run}\n`)
      cached.push((await measured([...step, ...places])).seconds)
    }
    const group = 'Building an image (Debian with ssh and Python)'
    return [
      {
        group,
        name: 'first',
        value: first.seconds,
        unit: 's',
        peer: { name: 'mmdebstrap alone', value: alone.seconds },
      },
      {
        group,
        name: 'other files, cached',
        value: median(cached),
        unit: 's',
        peer: { name: 'first', value: first.seconds },
      },
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
