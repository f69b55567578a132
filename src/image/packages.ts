import { Failure } from '../platform/platform.ts'
import { iso } from './release.ts'

/** An installed Debian package. */
export interface InstalledPackage {
  name: string
  version: string
  architecture: string
  /** The source package where it has another name. */
  source?: string
}

/** What an image is, for its manifest and its SBOM. */
export interface ImageFacts {
  release: string
  recipe: string
  variant: string | undefined
  suite: string
  architecture: string
  /** Seconds since 1970. */
  time: number
  /** The system's id and version in os-release: `debian` and `12`. */
  distribution: { id: string; version: string | undefined }
  packages: readonly InstalledPackage[]
}

/** The packages in dpkg's status file that are installed, by name and architecture. Throws `build-failed` where there are none. */
export function installedPackages(status: string): InstalledPackage[] {
  const packages = status.split(/\n\n+/).flatMap((stanza) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1]?.trim()
    const [name, version] = [field('Package'), field('Version')]
    if (name === undefined || version === undefined || field('Status') !== 'install ok installed') return []
    const source = field('Source')?.split(' ')[0]
    const found: InstalledPackage = { name, version, architecture: field('Architecture') ?? 'all' }
    return [source === undefined || source === name ? found : { ...found, source }]
  })
  if (packages.length === 0) throw new Failure('build-failed', 'the base system has no installed package')
  const key = ({ name, architecture }: InstalledPackage) => `${name} ${architecture}`
  return packages.sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** The package manifest (`manifest.json`), to be compared with the one before. */
export function manifestOf(facts: ImageFacts): object {
  const { release, recipe, variant, suite, architecture, packages } = facts
  return {
    format: 1,
    release,
    recipe,
    ...(variant === undefined ? {} : { variant }),
    suite,
    architecture,
    packages,
  }
}

/** The software bill of materials: CycloneDX 1.6, one component per package, with nothing in it that changes by itself. */
export function sbomOf(facts: ImageFacts): object {
  const { id, version: distributionVersion } = facts.distribution
  const distro = distributionVersion === undefined ? id : `${id}-${distributionVersion}`
  const components = facts.packages.map(({ name, version, architecture, source }) => {
    const purl = `pkg:deb/${id}/${encode(name)}@${encode(version)}?arch=${architecture}&distro=${distro}`
    const properties = source === undefined ? {} : { properties: [{ name: 'debian:source', value: source }] }
    return { type: 'library', 'bom-ref': purl, name, version, purl, ...properties }
  })
  const system = {
    type: 'operating-system',
    'bom-ref': facts.release,
    name: facts.recipe,
    version: facts.release,
  }
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { timestamp: iso(facts.time), component: system },
    components,
  }
}

// package URLs: everything but letters, digits and .-_~ is percent-encoded
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*+]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
