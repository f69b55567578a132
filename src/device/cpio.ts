// Archives as the kernel unpacks them at its start: cpio in the "newc" form (Documentation/driver-api/early-userspace).

export interface CpioEntry {
  /** Without a slash at its start; its folders must come before it. */
  path: string
  mode: number
  content: Uint8Array | string
}

const [folderType, fileType] = [0o040000, 0o100000] as const

/** A folder for `cpio`. */
export function cpioFolder(path: string): CpioEntry {
  return { path, mode: folderType | 0o755, content: '' }
}

/** A file for `cpio`. */
export function cpioFile(path: string, content: Uint8Array | string, mode = 0o644): CpioEntry {
  return { path, mode: fileType | mode, content }
}

/**
 * The entries as one archive, owned by root, in the given order and without times: same entries, same bytes. The kernel
 * takes several archives one after the other, so what changes from start to start can stand in a second one.
 */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const all = [...entries.map((entry, index) => member(entry, index + 1)), member(trailer, 0)]
  return Buffer.concat(all)
}

const trailer: CpioEntry = { path: 'TRAILER!!!', mode: 0, content: '' }

function member({ path, mode, content }: CpioEntry, inode: number): Buffer {
  const name = Buffer.from(`${path}\0`)
  const body = Buffer.from(content)
  // inode, mode, uid, gid, links, time, size, device (two pairs), name's size, checksum
  const fields = [inode, mode, 0, 0, 1, 0, body.length, 0, 0, 0, 0, name.length, 0]
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
  return Buffer.concat([header, name, padding(header.length + name.length), body, padding(body.length)])
}

const padding = (length: number) => Buffer.alloc((4 - (length % 4)) % 4)
