// A device's network: a namespace that lives as long as this process and a cable to it. The device's starts come and go
// in it, so its address always answers: where the device is down, with a refusal.
import { type Context, Failure, run, runOk, start } from '../platform/platform.ts'
import * as v from 'valibot'
import { startTied } from './tied.ts'

export interface DeviceNetwork {
  /** The device's own address. */
  address: string
  /** The address of the machine that the device runs on, as the device sees it. */
  hostAddress: string
  /** Path of the namespace, for nsenter. */
  namespace: string
  close(): Promise<void>
}

/**
 * Makes a namespace and a pair of linked interfaces, 10.78.N.1 on our side and 10.78.N.2 on the device's, with the first
 * free N. Nothing of it outlives this process. Throws `missing-rights`, and `device-busy` where every N is taken.
 */
export async function openNetwork(context: Context): Promise<DeviceNetwork> {
  const holder = await startHolder()
  try {
    const number = await claimLink(holder.pid, context)
    const [hostAddress, address] = [`10.78.${number}.1`, `10.78.${number}.2`]
    const namespace = `/proc/${holder.pid}/ns/net`
    await configure('ip', [], [`address add ${hostAddress}/24 dev drv${number}`, `link set drv${number} up`])
    await configure(
      'nsenter',
      [`--net=${namespace}`, 'ip'],
      [
        'link set lo up',
        `address add ${address}/24 dev eth0`,
        'link set eth0 up',
        `route add default via ${hostAddress}`,
      ],
    )
    const close = async () => {
      // started, for a terminal's Ctrl-C must not end it
      await start('ip', ['link', 'delete', `drv${number}`]).done
      await holder.stop()
    }
    return { address, hostAddress, namespace, close }
  } catch (error) {
    await holder.stop()
    throw error
  }
}

/** Whether a route to `destination` (as `ip route` prints it) leads to any address of 10.78.`number`.0/24. */
function leadsInto(destination: string, number: number): boolean {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(destination)
  if (!match) return false // default, or not IPv4
  const [a = 0, b = 0, c = 0, d = 0] = match.slice(1, 5).map(Number)
  const bits = Math.min(match[5] === undefined ? 32 : Number(match[5]), 24)
  const prefix = (value: number) => (bits === 0 ? 0 : value >>> (32 - bits))
  const route = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
  return bits > 0 && prefix(route) === prefix(((10 << 24) | (78 << 16) | (number << 8)) >>> 0)
}

async function startHolder() {
  let ready = () => {}
  const isReady = new Promise<void>((resolve) => (ready = resolve))
  const holder = startTied('unshare', ['--net', '--', '/bin/sh', '-c', 'echo ready; exec sleep infinity'], {
    onLine: (line) => line === 'ready' && ready(),
  })
  const ended = await Promise.race([isReady, holder.done])
  if (!ended) return holder
  throw new Failure('missing-rights', `can't make a network namespace: ${ended.stderr.trim()}`)
}

const routes = v.array(v.object({ dst: v.optional(v.string(), '') }))

// Making the link is the claim: its name is unique on the machine
async function claimLink(pid: number, context: Context): Promise<number> {
  const listed = await runOk('ip', ['-4', '-json', 'route', 'show', 'table', 'all'], {
    what: 'reading the routes',
  })
  const taken = v.parse(routes, JSON.parse(listed))
  for (let number = 1; number <= 254; number++) {
    if (taken.some(({ dst }) => leadsInto(dst, number))) continue
    const words = [
      'link',
      'add',
      `drv${number}`,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      String(pid),
    ]
    const { code, stderr } = await run('ip', words)
    if (code === 0) return number
    if (!stderr.includes('File exists'))
      throw new Failure('missing-rights', `can't make a network interface: ${stderr.trim()}`)
    context.signal.throwIfAborted()
  }
  throw new Failure(
    'device-busy',
    'no free network 10.78.N.0/24: each is in use, or a route of this machine leads there',
  )
}

async function configure(program: string, words: readonly string[], lines: readonly string[]): Promise<void> {
  await runOk(program, [...words, '-batch', '-'], {
    input: `${lines.join('\n')}\n`,
    what: "setting up the device's network",
    reason: 'missing-rights',
  })
}
