// A proxy on loopback in which requests overtake one another, and so do their answers; some get lost on the way.
import { request } from 'node:http'
import type { TestContext } from 'node:test'
import { Chance } from './chance.ts'
import { serve } from './hostile-server.ts'
import { undo } from './undo.ts'

export interface ReorderingProxy {
  url: string
  /** Draws anew, from this seed; of a hundred requests and answers so many get lost. */
  shuffle(seed: number, lost: number): void
}

/** Starts a proxy before `target`. */
export async function reorderingProxy(t: TestContext, target: string): Promise<ReorderingProxy> {
  const waiting: (() => void)[] = []
  let chance = new Chance(0)
  let lostPercent = 0
  const url = await serve(t, (incoming, outgoing) => {
    const { method, url: path, headers } = incoming
    const body: Buffer[] = []
    const orLost = (work: () => void) =>
      waiting.push(() => (chance.is(lostPercent) ? outgoing.destroy() : work()))
    const forward = () => {
      const onward = request(`${target}${path}`, { method, headers }, (reply) => {
        const answer: Buffer[] = []
        reply.on('data', (piece: Buffer) => answer.push(piece))
        reply.on('end', () =>
          orLost(() => outgoing.writeHead(reply.statusCode ?? 502, reply.headers).end(Buffer.concat(answer))),
        )
      })
      onward.on('error', () => outgoing.destroy())
      onward.end(Buffer.concat(body))
    }
    incoming.on('data', (piece: Buffer) => body.push(piece))
    incoming.on('end', () => orLost(forward))
  })
  const timer = setInterval(() => {
    if (waiting.length > 0 && chance.is(80)) waiting.splice(chance.below(waiting.length), 1)[0]?.()
  }, 1)
  undo(t, () => clearInterval(timer))
  return {
    url,
    shuffle: (seed, lost) => {
      chance = new Chance(seed)
      lostPercent = lost
    },
  }
}
