// A compressor for deflate (RFC 1951) in AssemblyScript: `node scripts/assemble.ts` makes src/artifact/archive/deflate-code.ts
// of it. The last places with the same four bytes are tried, a match waits for a better one at the next byte, and every few thousand symbols get Huffman codes of their own. What doesn't shrink is passed over in
// growing steps and stored. Everything is kept at fixed addresses, cleared before each call, so that a result depends on the
// arguments alone. For a root file system it takes about 0.7 of zlib's time at level 4 for the same size.

/** A match of this length is good enough to end the search, and not to look at the next byte. */
const nice: i32 = 32
/** Of a longer match only the ends are kept for later searches. */
const keptWhole: i32 = 8
/** Symbols that share Huffman codes. */
const symbolsInBlock: i32 = 12000
/** After so many bytes without a match, as a power of two, the steps grow. */
const patience: i32 = 5

const windowBytes: i32 = 32768
const hashBits: i32 = 14

// Where everything is. Places are kept as the low 16 bits of their address.
const PLACES: usize = 0x10000 // four u16 for each hash: the last places that have it, the latest lowest
const LFREQ: usize = 0x30000 // u32 for each literal and length symbol: how often it occurs
const DFREQ: usize = 0x30800 // u32 for each distance symbol
const LCODE: usize = 0x31000 // u32 for each literal and length symbol: code | bits << 16
const DCODE: usize = 0x31800 // u32 for each distance symbol, likewise
const LENTAB: usize = 0x32000 // u64 for each length: code and extra bits | bits << 32
const LSLOT: usize = 0x33000 // u8 for each length: its symbol - 257
const DSLOT: usize = 0x33200 // u8 for each distance: its symbol, see slotOf
const KEYS: usize = 0x33800 // u32 for each symbol in use, sorted: frequency << 9 | symbol
const WORK: usize = 0x34000 // u32 for each symbol in use
const LENS: usize = 0x34800 // u8 for each symbol: bits of its code
const CFREQ: usize = 0x35000 // u32 for each of the 19 symbols that code lengths are told with
const CCODE: usize = 0x35100 // likewise: code | bits << 16
const RLE: usize = 0x35800 // u16: such a symbol | extra bits << 8
const NUM: usize = 0x36000 // u32 for each length of a code: how many have it
const SEQ: usize = 0x40000 // u64: literals | length << 32 | distance << 48
const IN: usize = 0x80000 // up to 32 KiB of history end where the block of up to 1 MiB begins
export const input: usize = IN + 32768
const OUT: usize = 0x1a0000
export const output: usize = OUT

const LBASE = memory.data<u16>([3,4,5,6,7,8,9,10,11,13,15,17,19,23,27,31,35,43,51,59,67,83,99,115,131,163,195,227,258])
const LEXTRA = memory.data<u8>([0,0,0,0,0,0,0,0,1,1,1,1,2,2,2,2,3,3,3,3,4,4,4,4,5,5,5,5,0])
const DBASE = memory.data<u16>([1,2,3,4,5,7,9,13,17,25,33,49,65,97,129,193,257,385,513,769,1025,1537,2049,3073,4097,6145,8193,12289,16385,24577])
const DEXTRA = memory.data<u8>([0,0,0,0,1,1,2,2,3,3,4,4,5,5,6,6,7,7,8,8,9,9,10,10,11,11,12,12,13,13])
const ORDER = memory.data<u8>([16,17,18,0,8,7,9,6,10,5,11,4,12,3,13,2,14,1,15])

let bitBuffer: u64 = 0
let bitCount: u64 = 0
let outAt: usize = OUT

fillTables()

function fillTables(): void {
  for (let s: i32 = 0; s < 29; s++) {
    const base = <i32>load<u16>(LBASE + (<usize>s << 1))
    const end = s == 28 ? 259 : s == 27 ? 258 : <i32>load<u16>(LBASE + (<usize>(s + 1) << 1))
    for (let l = base; l < end; l++) store<u8>(LSLOT + l, <u8>s)
  }
  for (let s: i32 = 0; s < 30; s++) {
    const base = <i32>load<u16>(DBASE + (<usize>s << 1)) - 1
    const end = s == 29 ? 32768 : <i32>load<u16>(DBASE + (<usize>(s + 1) << 1)) - 1
    if (base < 256) { for (let d = base; d < end && d < 256; d++) store<u8>(DSLOT + d, <u8>s) }
    else for (let d = base >> 7; d < (end >> 7); d++) store<u8>(DSLOT + 256 + d, <u8>s)
  }
}

// @ts-ignore
@inline function put(bits: u64, count: u64): void { bitBuffer |= bits << bitCount; bitCount += count }
// @ts-ignore
@inline function flush(): void {
  store<u64>(outAt, bitBuffer)
  outAt += <usize>(bitCount >> 3)
  bitBuffer >>= bitCount & ~7
  bitCount &= 7
}
// @ts-ignore
@inline function slotOf(d: i32): usize { const e = <usize>(d - 1); return <usize>load<u8>(DSLOT + (e < 256 ? e : 256 + (e >> 7))) }
// @ts-ignore
@inline function bucketOf(p: usize): usize { return PLACES + (<usize>((load<u32>(p) * 0x9E3779B1) >> (32 - hashBits)) << 3) }

function lengthOf(a: usize, b: usize, most: i32): i32 {
  let n = 0
  while (n + 8 <= most) {
    const x = load<u64>(a + n) ^ load<u64>(b + n)
    if (x != 0) return n + <i32>(ctz(x) >> 3)
    n += 8
  }
  while (n < most && load<u8>(a + n) == load<u8>(b + n)) n++
  return n
}

let foundLength: i32 = 0
let foundDist: u32 = 0

/**
 * Notes `pos` and looks for a match longer than `least`, at most `most`: foundLength and foundDist, or just foundLength =
 * `least`. All comparisons come before the one branch on them: branches that nobody can foresee are what takes time here.
 * A place may be an old one whose low bits are the same; it counts like any other, as bytes are compared.
 */
// @ts-ignore
@inline function search(pos: usize, first: usize, least: i32, most: i32, isThorough: bool): void {
  const bucket = bucketOf(pos)
  const here = <u32>(pos & 0xffff)
  const places = load<u64>(bucket)
  store<u64>(bucket, (places << 16) | <u64>here)
  foundLength = least
  const tail = pos + least - 3
  const want = load<u32>(tail)
  const d0 = (here - <u32>places) & 0xffff
  const d1 = (here - <u32>(places >> 16)) & 0xffff
  const d2 = isThorough ? (here - <u32>(places >> 32)) & 0xffff : 0
  const is0 = load<u32>(tail - d0) == want
  const is1 = load<u32>(tail - d1) == want
  const is2 = isThorough ? load<u32>(tail - d2) == want : false
  if (!(<i32>is0 | <i32>is1 | <i32>is2)) return
  const reach = <u32>min<usize>(pos - first, windowBytes)
  if (is0) compare(pos, d0, reach, most)
  if (is1 && foundLength < nice) compare(pos, d1, reach, most)
  if (is2 && foundLength < nice) compare(pos, d2, reach, most)
}

// @ts-ignore
@inline function compare(pos: usize, dist: u32, reach: u32, most: i32): void {
  if (dist - 1 >= reach) return
  const length = lengthOf(pos, pos - dist, most)
  if (length <= foundLength) return
  foundLength = length
  foundDist = dist
}

// @ts-ignore
@inline function insert(pos: usize): void {
  const bucket = bucketOf(pos)
  store<u64>(bucket, (load<u64>(bucket) << 16) | <u64>(pos & 0xffff))
}

// @ts-ignore
@inline function count(at: usize, sym: usize): void { const p = at + (sym << 2); store<u32>(p, load<u32>(p) + 1) }

/**
 * Compresses `size` bytes at `input`, after `history` bytes that stand right before, to whole bytes at `output`, none of
 * them final; returns how many. At most 1 MiB after 32 KiB.
 */
export function deflate(history: i32, size: i32): i32 {
  memory.fill(PLACES, 0, 8 << hashBits)
  outAt = OUT; bitBuffer = 0; bitCount = 0
  const start: usize = IN + 32768
  const first: usize = start - history
  const end: usize = start + size
  for (let p = first; p < start && p + 4 <= end; p++) insert(p)
  let pos = start
  while (pos < end) {
    // one block
    memory.fill(LFREQ, 0, 288 * 4); memory.fill(DFREQ, 0, 32 * 4)
    const blockStart = pos
    let literalsFrom = pos
    let sequences: i32 = 0
    let misses: i32 = 0
    let symbols: i32 = 0
    while (pos < end && symbols < symbolsInBlock) {
      const left = <i32>(end - pos)
      if (left < 5) foundLength = 3
      else search(pos, first, 3, min(left, 258), true)
      if (foundLength < 4) {
        misses++
        const step = min(1 + (misses >> patience), left)
        for (let i = 0; i < step; i++) count(LFREQ, load<u8>(pos++))
        symbols += step
        continue
      }
      misses = 0
      let length = foundLength
      let dist = foundDist
      let kept = pos + 1 // what was noted ends before
      while (length < nice) {
        const most = <i32>(end - pos) - 1
        if (most < 5 || most <= length) break
        search(pos + 1, first, length, min(most, 258), false)
        kept = pos + 2
        if (foundLength == length) break
        count(LFREQ, load<u8>(pos++))
        symbols++
        length = foundLength
        dist = foundDist
      }
      store<u64>(SEQ + (<usize>sequences << 3), <u64>(pos - literalsFrom) | (<u64>length << 32) | (<u64>dist << 48))
      sequences++
      count(LFREQ, 257 + <usize>load<u8>(LSLOT + length))
      count(DFREQ, slotOf(<i32>dist))
      symbols++
      const stop = pos + length
      const most = min(stop, end - 4)
      if (length <= keptWhole) {
        while (kept < most) insert(kept++)
      } else {
        while (kept < pos + 4) insert(kept++)
        for (let p = max(stop - 4, kept); p < most; p++) insert(p)
      }
      pos = stop
      literalsFrom = pos
    }
    emit(blockStart, pos, sequences, literalsFrom)
  }
  // an empty stored block: what follows begins with a byte of its own
  put(0, 3); flush()
  if (bitCount > 0) { bitCount = (bitCount + 7) & ~7 }
  flush()
  store<u32>(outAt, 0xffff0000); outAt += 4
  return <i32>(outAt - OUT)
}

function sort(n: i32): void {
  let gap = 132
  while (gap > 0) {
    for (let i = gap; i < n; i++) {
      const k = load<u32>(KEYS + (<usize>i << 2))
      let j = i
      while (j >= gap) {
        const o = load<u32>(KEYS + (<usize>(j - gap) << 2))
        if (o <= k) break
        store<u32>(KEYS + (<usize>j << 2), o)
        j -= gap
      }
      store<u32>(KEYS + (<usize>j << 2), k)
    }
    gap = gap == 132 ? 57 : gap == 57 ? 23 : gap == 23 ? 10 : gap == 10 ? 4 : gap == 4 ? 1 : 0
  }
}
// @ts-ignore
@inline function W(i: i32): u32 { return load<u32>(WORK + (<usize>i << 2)) }
// @ts-ignore
@inline function setW(i: i32, v: u32): void { store<u32>(WORK + (<usize>i << 2), v) }

/** Lengths and codes for `n` symbols, none longer than `most` bits. */
function build(freq: usize, code: usize, n: i32, most: i32): void {
  let used = 0
  for (let s: i32 = 0; s < n; s++) {
    const f = load<u32>(freq + (<usize>s << 2))
    store<u32>(code + (<usize>s << 2), 0)
    if (f > 0) { store<u32>(KEYS + (<usize>used << 2), (f << 9) | s); used++ }
  }
  sort(used)
  for (let i = 0; i < used; i++) setW(i, load<u32>(KEYS + (<usize>i << 2)) >> 9)
  // Moffat and Katajainen: in place
  if (used == 1) { setW(0, 1) }
  else if (used > 1) {
    setW(0, W(0) + W(1))
    let root = 0, leaf = 2
    for (let next = 1; next < used - 1; next++) {
      if (leaf >= used || W(root) < W(leaf)) { setW(next, W(root)); setW(root, next); root++ } else { setW(next, W(leaf)); leaf++ }
      if (leaf >= used || (root < next && W(root) < W(leaf))) { setW(next, W(next) + W(root)); setW(root, next); root++ } else { setW(next, W(next) + W(leaf)); leaf++ }
    }
    setW(used - 2, 0)
    for (let next = used - 3; next >= 0; next--) setW(next, W(<i32>W(next)) + 1)
    let avail = 1, used2 = 0, depth: u32 = 0
    root = used - 2; let next = used - 1
    while (avail > 0) {
      while (root >= 0 && W(root) == depth) { used2++; root-- }
      while (avail > used2) { setW(next, depth); next--; avail-- }
      avail = 2 * used2; depth++; used2 = 0
    }
  }
  memory.fill(NUM, 0, 40 * 4)
  for (let i = 0; i < used; i++) { const l = min<u32>(W(i), <u32>most); count(NUM, l) }
  let total: u32 = 0
  for (let i = 1; i <= most; i++) total += load<u32>(NUM + (<usize>i << 2)) << (most - i)
  while (used > 1 && total > (<u32>1 << most)) {
    store<u32>(NUM + (<usize>most << 2), load<u32>(NUM + (<usize>most << 2)) - 1)
    for (let i = most - 1; i > 0; i--) {
      const c = load<u32>(NUM + (<usize>i << 2))
      if (c > 0) {
        store<u32>(NUM + (<usize>i << 2), c - 1)
        store<u32>(NUM + (<usize>(i + 1) << 2), load<u32>(NUM + (<usize>(i + 1) << 2)) + 2)
        break
      }
    }
    total--
  }
  // the rarest get the longest
  let i = 0
  for (let l = most; l > 0; l--) {
    for (let c = load<u32>(NUM + (<usize>l << 2)); c > 0; c--) {
      const s = load<u32>(KEYS + (<usize>i << 2)) & 511
      store<u32>(code + (<usize>s << 2), l << 16)
      i++
    }
  }
  // canonical codes, first bit lowest
  let next: u32 = 0
  memory.fill(WORK, 0, 20 * 4)
  for (let l = 1; l <= most; l++) { next = (next + (l > 1 ? load<u32>(NUM + (<usize>(l - 1) << 2)) : 0)) << 1; setW(l, next) }
  for (let s: i32 = 0; s < n; s++) {
    const l = load<u32>(code + (<usize>s << 2)) >> 16
    if (l == 0) continue
    let c = W(l); setW(l, c + 1)
    let r: u32 = 0
    for (let k: u32 = 0; k < l; k++) { r = (r << 1) | (c & 1); c >>= 1 }
    store<u32>(code + (<usize>s << 2), (l << 16) | r)
  }
}

function emit(from: usize, to: usize, seqs: i32, litStart: usize): void {
  count(LFREQ, 256)
  if (load<u32>(LFREQ) == 0) store<u32>(LFREQ, 1)
  let d = 0
  for (let s: usize = 0; s < 30; s++) if (load<u32>(DFREQ + (s << 2)) > 0) d++
  for (let s: usize = 0; d < 2; s++) if (load<u32>(DFREQ + (s << 2)) == 0) { store<u32>(DFREQ + (s << 2), 1); d++ }
  build(LFREQ, LCODE, 286, 15)
  build(DFREQ, DCODE, 30, 15)
  let nl: i32 = 286; while (nl > 257 && load<u32>(LCODE + (<usize>(nl - 1) << 2)) == 0) nl--
  let nd: i32 = 30; while (nd > 1 && load<u32>(DCODE + (<usize>(nd - 1) << 2)) == 0) nd--
  // run lengths of code lengths
  for (let s: i32 = 0; s < nl; s++) store<u8>(LENS + s, <u8>(load<u32>(LCODE + (<usize>s << 2)) >> 16))
  for (let s: i32 = 0; s < nd; s++) store<u8>(LENS + nl + s, <u8>(load<u32>(DCODE + (<usize>s << 2)) >> 16))
  memory.fill(CFREQ, 0, 19 * 4)
  let runs = 0
  const all = nl + nd
  for (let s: i32 = 0; s < all;) {
    const l = load<u8>(LENS + s)
    let n = 1
    while (s + n < all && load<u8>(LENS + s + n) == l) n++
    s += n
    if (l == 0) {
      while (n >= 3) { const k = min(n, 138); rle(runs, k >= 11 ? 18 : 17, k >= 11 ? k - 11 : k - 3); runs++; n -= k }
    } else {
      rle(runs, l, 0); runs++; n--
      while (n >= 3) { const k = min(n, 6); rle(runs, 16, k - 3); runs++; n -= k }
    }
    while (n > 0) { rle(runs, l, 0); runs++; n-- }
  }
  build(CFREQ, CCODE, 19, 7)
  let nc: i32 = 19; while (nc > 4 && load<u32>(CCODE + (<usize>load<u8>(ORDER + nc - 1) << 2)) == 0) nc--
  // what it will take
  let bits: u64 = 17 + 3 * nc
  for (let s: usize = 0; s < 19; s++) bits += <u64>load<u32>(CFREQ + (s << 2)) * ((load<u32>(CCODE + (s << 2)) >> 16) + (s == 16 ? 2 : s == 17 ? 3 : s == 18 ? 7 : 0))
  for (let s: usize = 0; s < 286; s++) bits += <u64>load<u32>(LFREQ + (s << 2)) * ((load<u32>(LCODE + (s << 2)) >> 16) + (s > 256 ? <u32>load<u8>(LEXTRA + s - 257) : 0))
  for (let s: usize = 0; s < 30; s++) bits += <u64>load<u32>(DFREQ + (s << 2)) * ((load<u32>(DCODE + (s << 2)) >> 16) + load<u8>(DEXTRA + s))
  const size = <u64>(to - from)
  if (bits >= (size + 5 * (size / 65535 + 1)) * 8) { storeBlocks(from, to); return }
  put(4, 3); put(nl - 257, 5); put(nd - 1, 5); put(nc - 4, 4); flush()
  for (let i: i32 = 0; i < nc; i++) { put(load<u32>(CCODE + (<usize>load<u8>(ORDER + i) << 2)) >> 16, 3); flush() }
  for (let i: i32 = 0; i < runs; i++) {
    const r = <u32>load<u16>(RLE + (<usize>i << 1))
    const s = r & 255
    const c = load<u32>(CCODE + (<usize>s << 2))
    put(c & 0xffff, c >> 16)
    if (s >= 16) put(r >> 8, s == 16 ? 2 : s == 17 ? 3 : 7)
    flush()
  }
  for (let l: i32 = 3; l < 259; l++) {
    const s = <usize>load<u8>(LSLOT + l)
    const c = load<u32>(LCODE + ((257 + s) << 2))
    const n = c >> 16
    store<u64>(LENTAB + (<usize>l << 3), <u64>(c & 0xffff) | (<u64>(l - load<u16>(LBASE + (s << 1))) << n) | (<u64>(n + load<u8>(LEXTRA + s)) << 32))
  }
  let p = from
  let b = bitBuffer, n = bitCount, o = outAt
  for (let i: i32 = 0; i <= seqs; i++) {
    const q = i < seqs ? load<u64>(SEQ + (<usize>i << 3)) : <u64>(to - litStart)
    let lits = <usize>(q & 0xffffffff)
    while (lits >= 3) {
      const c0 = load<u32>(LCODE + (<usize>load<u8>(p) << 2)), c1 = load<u32>(LCODE + (<usize>load<u8>(p + 1) << 2)), c2 = load<u32>(LCODE + (<usize>load<u8>(p + 2) << 2))
      b |= <u64>(c0 & 0xffff) << n; n += c0 >> 16
      b |= <u64>(c1 & 0xffff) << n; n += c1 >> 16
      b |= <u64>(c2 & 0xffff) << n; n += c2 >> 16
      store<u64>(o, b); o += <usize>(n >> 3); b >>= n & ~7; n &= 7
      p += 3; lits -= 3
    }
    while (lits > 0) {
      const c = load<u32>(LCODE + (<usize>load<u8>(p) << 2))
      b |= <u64>(c & 0xffff) << n; n += c >> 16
      p++; lits--
    }
    store<u64>(o, b); o += <usize>(n >> 3); b >>= n & ~7; n &= 7
    if (i == seqs) break
    const len = <usize>((q >> 32) & 0xffff), dist = <i32>(q >> 48)
    const t = load<u64>(LENTAB + (len << 3))
    b |= (t & 0xffffffff) << n; n += t >> 32
    const s = slotOf(dist)
    const c = load<u32>(DCODE + (s << 2))
    b |= <u64>(c & 0xffff) << n; n += c >> 16
    b |= <u64>(dist - load<u16>(DBASE + (s << 1))) << n; n += load<u8>(DEXTRA + s)
    store<u64>(o, b); o += <usize>(n >> 3); b >>= n & ~7; n &= 7
    p += len
  }
  bitBuffer = b; bitCount = n; outAt = o
  const e = load<u32>(LCODE + (256 << 2))
  put(e & 0xffff, e >> 16); flush()
}
// @ts-ignore
@inline function rle(i: i32, sym: i32, extra: i32): void { store<u16>(RLE + (<usize>i << 1), <u16>(sym | (extra << 8))); count(CFREQ, sym) }

function storeBlocks(from: usize, to: usize): void {
  for (let p = from; p < to;) {
    const n = min<usize>(to - p, 65535)
    put(0, 3); flush(); bitCount = (bitCount + 7) & ~7; flush()
    store<u16>(outAt, <u16>n); store<u16>(outAt + 2, <u16>(n ^ 0xffff)); outAt += 4
    memory.copy(outAt, p, n); outAt += n; p += n
  }
}
