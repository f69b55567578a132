// Reads /proc/net/tcp, tcp6, udp and udp6: what listens, without a program on the device that would say so.

/** A port that something listens on. */
export interface ListeningPort {
  protocol: string
  port: number
  /** In full: `127.0.0.1`, `0:0:0:0:0:0:0:1`. */
  address: string
}

/** The ports in the four files' texts, each after a line `= <name>`. */
export function listeningPorts(text: string): ListeningPort[] {
  const ports: ListeningPort[] = []
  let protocol = ''
  for (const line of text.split('\n')) {
    if (line.startsWith('= ')) protocol = line.slice(2).replace('6', '')
    const [, address, port, state] =
      /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F:]+ ([0-9A-F]{2}) /.exec(line) ?? []
    // TCP_LISTEN, and for UDP, which has no such state, TCP_CLOSE: it is not connected to anybody
    if (address === undefined || port === undefined || state !== (protocol === 'tcp' ? '0A' : '07')) continue
    ports.push({ protocol, port: Number.parseInt(port, 16), address: addressOf(address) })
  }
  return ports
}

// each group of 32 bits stands in the byte order of the machine, and all that Drover knows are little-endian
function addressOf(hex: string): string {
  const groups = hex.match(/.{8}/g) ?? []
  const bytes = groups.flatMap((group) => (group.match(/../g) ?? []).toReversed())
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.')
  const words = bytes.flatMap((byte, index) => (index % 2 === 0 ? [byte + (bytes[index + 1] ?? '')] : []))
  return words.map((word) => Number.parseInt(word, 16).toString(16)).join(':')
}

/** An address as people write it, in full. */
export function textOfAddress(text: string): string {
  if (!text.includes(':')) return text
  const [head = '', tail] = text.toLowerCase().split('::')
  const words = (part: string) => part.split(':').filter(Boolean)
  const [first, last] = [words(head), words(tail ?? '')]
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => '0')
  return [...first, ...zeros, ...last].map((word) => Number.parseInt(word, 16).toString(16)).join(':')
}
