// The input of the artifact rows: the root file system of a small Debian device, 768 MiB of which about 660 are in use.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { buildImage } from '../src/image/image.ts'
import { plainContext } from '../src/platform/platform.ts'

/** Where the rows keep what is too costly to make for each run. */
export const benchFolder: string = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'drover',
  'bench',
)

const recipe = `name: bench-os
suite: bookworm
packages: [linux-image-ARCH, systemd-sysv, openssh-server, python3, network-manager, ca-certificates, curl, nftables, mender-client, iproute2]
size: 768MiB
`

/** The path of the image; made once, in a few minutes, and then kept in the user's cache folder. */
export async function benchImage(): Promise<string> {
  const path = join(benchFolder, 'debian-1', 'rootfs.ext4')
  if (existsSync(path)) return path
  console.log(`Making a root file system of 768 MiB in ${benchFolder}, once: a few minutes`)
  await mkdir(benchFolder, { recursive: true })
  const folder = await mkdtemp(join(benchFolder, 'making-'))
  try {
    const arch = process.arch === 'x64' ? 'amd64' : 'arm64'
    await writeFile(join(folder, 'image.yml'), recipe.replace('ARCH', arch))
    // a recipe's time is that of its commit
    const git = ['-c', 'user.name=bench', '-c', 'user.email=bench@example.org', '-C', folder]
    execFileSync('git', [...git, 'init', '-q'])
    execFileSync('git', [...git, 'add', '.'])
    execFileSync('git', [...git, 'commit', '-q', '-m', 'Bench'])
    await buildImage({ recipe: join(folder, 'image.yml'), output: join(folder, 'out') }, plainContext())
    await rename(join(folder, 'out'), join(benchFolder, 'debian-1'))
  } finally {
    await rm(folder, { recursive: true })
  }
  return path
}
