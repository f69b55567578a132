// One of the processes of a long run: fuzzes the ranges that it is sent, and answers with their figures.
import { campaign } from './campaign.ts'
import { Random } from './random.ts'
import { allSeeds } from './seeds.ts'

const seeds = await allSeeds()

process.on('message', (range: { from: number; to: number; shown: number }) => {
  const accepted: { input: number; base64: string }[] = []
  const random = new Random(range.from)
  void campaign(seeds, range, ({ seed, bytes }, input) => {
    // a few of those that were accepted, for a second opinion
    if (seed.parse !== undefined || seed.bytes.equals(bytes) || accepted.length >= range.shown) return
    if (random.chance(20)) accepted.push({ input, base64: bytes.toString('base64') })
  }).then((figures) => process.send?.({ figures, accepted }))
})
process.send?.('ready')
