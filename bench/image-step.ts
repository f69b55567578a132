// One build in a process of its own: `RECIPE OUTPUT CACHE`.
import { buildImage } from '../src/image/image.ts'
import { plainContext } from '../src/platform/platform.ts'

const [recipe = '', output = '', cache = ''] = process.argv.slice(2)
await buildImage({ recipe, output, cache }, plainContext())
