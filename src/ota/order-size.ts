import { Failure } from '../platform/platform.ts'
import type { Order } from './ota-server.ts'

/** Servers take 1 MiB of JSON, which is about 26,000 ids. */
const maxDevices = 20_000

/** Throws `no-device-matched` for an order without devices, and `bad-input` for one with more than fit into it. */
export function checkSize(
  { name, release }: Pick<Order, 'name' | 'release'>,
  devices: readonly string[],
): void {
  if (devices.length === 0) {
    throw new Failure('no-device-matched', `the order ${name} of ${release} has no device`)
  }
  if (devices.length > maxDevices) {
    throw new Failure(
      'bad-input',
      `the order ${name} has ${devices.length} devices; at most ${maxDevices} fit into one: order in waves`,
    )
  }
}
