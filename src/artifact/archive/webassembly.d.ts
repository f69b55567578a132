// What is used of WebAssembly, which Node has and its types lack.
declare namespace WebAssembly {
  class Module {
    constructor(code: Uint8Array)
    static exports(module: Module): readonly { name: string; kind: string }[]
  }
  class Instance {
    constructor(module: Module)
    readonly exports: Readonly<Record<string, unknown>>
  }
  class Memory {
    readonly buffer: ArrayBuffer
  }
  class Global {
    readonly value: unknown
  }
}
