// Fleet repositories of any size, as real ones look: a group for each board, a file of variables for each host.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export const boards = ['beaglebone', 'imx8', 'raspberrypi3', 'raspberrypi4'] as const
export const release = 'os-20260101T0000-0123456789ab'

/** The id of the device with this number, as Mender makes them. */
export const idOf = (index: number) =>
  `${(Math.imul(index, 2654435761) >>> 0).toString(16).padStart(8, '0')}-0000-4000-8000-${String(index).padStart(12, '0')}`

export const boardOf = (index: number) => boards[index % boards.length] ?? boards[0]

/** Writes a fleet repository of `count` devices in one stage, `main`. */
export async function writeFleet(folder: string, count: number): Promise<void> {
  await mkdir(join(folder, 'host_vars'), { recursive: true })
  await mkdir(join(folder, 'group_vars'))
  const numbers = Array.from({ length: count }, (_, index) => index)
  const groups = boards.map((board) => {
    const hosts = numbers
      .filter((index) => boardOf(index) === board)
      .map((index) => `        ${idOf(index)}:\n`)
    return `    ${board}:\n      hosts:\n${hosts.join('')}`
  })
  await writeFile(join(folder, 'inventory.yml'), `all:\n  children:\n${groups.join('')}`)
  await writeFile(
    join(folder, 'group_vars', 'all.yml'),
    'subscribed_branch: main\ntime_zone: Europe/Zurich\n',
  )
  for (const board of boards)
    await writeFile(
      join(folder, 'group_vars', `${board}.yml`),
      `os_image:\n  - device_type: ${board}\n    image_name: ${release}\n`,
    )
  for (const index of numbers)
    await writeFile(join(folder, 'host_vars', `${idOf(index)}.yml`), variablesOf(index))
}

const variablesOf = (index: number) => `# kiosk ${index}
site: site-${index % 100}
description: "Kiosk ${index} in the hall"
kiosk:
  url: https://kiosk.example.com/${index}
  brightness: ${index % 100}
  features:
    - touch
    - sound
  network:
    hostname: kiosk-${index}
    static: false
    dns: [10.0.0.1, 10.0.0.2]
`
