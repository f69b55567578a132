import { readHistory } from './hawkbit-actions.ts'
import type { HawkbitClient } from './hawkbit-client.ts'
import { readWithActions } from './hawkbit-deployments.ts'

const maxCharacters = 1 << 20
/** The server's own remarks are no word of the device. */
const byServer = /^(Update Server: |Assignment initiated by )/

/** What a device said of an order that failed, as a log; undefined where it said nothing. */
export async function readLog(
  client: HawkbitClient,
  id: string,
  device: string,
): Promise<string | undefined> {
  const { actions } = await readWithActions(client, id)
  const action = actions.get(device)
  if (!action) return undefined
  const lines = (await readHistory(client, action)).flatMap(({ type, messages, reportedAt, timestamp }) => {
    const at = new Date(timestamp ?? reportedAt ?? 0).toISOString()
    const level = type === 'error' ? 'error' : type === 'warning' ? 'warning' : 'info'
    return (messages ?? []).filter((line) => !byServer.test(line)).map((line) => `${at} ${level}: ${line}`)
  })
  // the end of a log tells why
  return lines.length === 0 ? undefined : `${lines.join('\n')}\n`.slice(-maxCharacters)
}
