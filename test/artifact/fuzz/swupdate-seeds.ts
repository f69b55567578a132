// .swu files of the tests' own making; the description in both languages.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { buildCpio, makeCpioNode } from './cpio-model.ts'
import type { Seed } from './seeds.ts'

const image = Buffer.from('an image '.repeat(100))
const packed = gzipSync(image)
const script = Buffer.from('#!/bin/sh\nexit 0\n')

export function swupdateSeeds(): Seed[] {
  return [
    swu('json', JSON.stringify({ software: jsonSoftware }), {
      rootfs: image,
      'update.gz': packed,
      'do.sh': script,
    }),
    swu(
      'json, without sums',
      JSON.stringify({ software: { version: '1', images: [images.plain] } }),
      { rootfs: image },
      '070701',
    ),
    swu('libconfig', configText, { rootfs: image, 'update.gz': packed }),
  ]
}

const images = {
  plain: {
    filename: 'rootfs',
    type: 'raw',
    device: '/dev/sda1',
    sha256: sum(image),
    name: 'os',
    version: '1.2',
  },
  packed: { filename: 'update.gz', type: 'rawfile', path: '/x', compressed: 'zlib', sha256: sum(packed) },
}
const jsonSoftware = {
  version: 'release-1',
  description: 'an update',
  board: {
    'hardware-compatibility': ['1.0', '#RE:^1'],
    stable: { copy1: { images: [images.plain], files: [images.packed] }, copy2: { images: [images.plain] } },
    scripts: [{ filename: 'do.sh', type: 'shellscript', sha256: sum(script) }],
    bootenv: [{ name: 'part', value: '2' }],
  },
}
const configText = `/* an update */
software =
{
  version = "release-1";
  hardware-compatibility: [ "1.0", "1.2" ];  # boards
  images: (
    { filename = "rootfs"; type = "raw"; device = "/dev/sda1"; sha256 = "${sum(image)}"; size = 0x10L; },
    { filename = "update.gz"; type = "rawfile"; path = "/x"; compressed = "zlib"; sha256 = "${sum(packed)}"; }
  );
  bootenv: ( { name = "part"; value = "2"; } ); // the other one
};
`

function swu(name: string, description: string, files: Record<string, Buffer>, magic = '070702'): Seed {
  const nodes = [
    makeCpioNode('sw-description', Buffer.from(description), magic),
    ...Object.entries(files).map(([file, content]) => makeCpioNode(file, content, magic)),
    makeCpioNode('TRAILER!!!', Buffer.alloc(0), magic),
  ]
  const bytes = buildCpio({ nodes, tail: Buffer.alloc(0) })
  return { name, bytes: Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]) }
}

function sum(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
