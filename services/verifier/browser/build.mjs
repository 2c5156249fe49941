// Builds ../static/check.min.js and check.min.css (checked in; served at /static/check.<hash>.*) from this folder.
// Run by `make browser`; with --check it writes nothing and fails when a built file is not what the sources give.
// Needs the npm packages of the repository (esbuild, lightningcss and the libraries that are built in).
import {readFileSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {gzipSync} from 'node:zlib';
import {build} from 'esbuild';

const require = createRequire(import.meta.url);
const {transform} = require('lightningcss');
const here = dirname(fileURLToPath(import.meta.url));
const licences = ['jsonld', 'rdf-canonize', '@noble/curves', '@noble/hashes', 'cborg', '@cantoo/pdf-lib'];

// Of pdf-lib only the parser is used. Its modules have no effects but to define things; it doesn't say so, and would
// bring its fonts and its drawing of HTML along.
const onlyParser = {
  name: 'only-parser',
  setup(esbuild) {
    esbuild.onResolve({filter: /.*/}, async ({path, pluginData, ...from}) => {
      const isOurs = path === '@cantoo/pdf-lib' || from.importer.includes('/node_modules/@cantoo/pdf-lib/');
      if (pluginData === 'asked' || !isOurs) return undefined;
      const found = await esbuild.resolve(path, {...from, pluginData: 'asked'});
      return found.errors.length ? found : {...found, sideEffects: false};
    });
    esbuild.onLoad({filter: /standard-fonts\/.*\.compressed\.json$/}, () => ({contents: '""', loader: 'json'}));
  },
};

const bundled = await build({
  entryPoints: [join(here, 'page.js')],
  absWorkingDir: here,
  bundle: true,
  minify: true,
  write: false,
  format: 'iife',
  charset: 'utf8',
  legalComments: 'none',
  target: ['safari16.4', 'chrome109', 'firefox115'],
  define: {'process.env.NODE_ENV': '"production"', global: 'globalThis'},
  plugins: [onlyParser],
  metafile: true,
});
const notice = `/*! Holds ${licences.map(name => `${name} ${versionOf(name)} (${licenceOf(name)})`).join(', ')} */\n`;
// The one-file page holds the script between <script> tags, which nothing in it may close or reopen.
const script = notice + bundled.outputFiles[0].text.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
const style = transform({
  filename: 'check.css', code: readFileSync(join(here, 'check.css')), minify: true, targets: {safari: 16 << 16, chrome: 109 << 16, firefox: 115 << 16},
}).code.toString() + '\n';

function packageOf(name) {
  const folder = require.resolve.paths(name).map(path => join(path, name, 'package.json'));
  for (const path of folder) {
    try {
      return JSON.parse(readFileSync(path, 'utf8'));
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`${name} is not installed: run make setup`);
}
function versionOf(name) { return packageOf(name).version; }
function licenceOf(name) { return packageOf(name).license; }

let differs = false;
for (const [name, built] of [['check.min.js', script], ['check.min.css', style]]) {
  const target = join(here, '..', 'static', name);
  if (!process.argv.includes('--check')) {
    writeFileSync(target, built);
    console.log(`static/${name}: ${Buffer.byteLength(built)} bytes, ${gzipSync(built, {level: 9}).length} gzip`);
  } else if (readFileSync(target, 'utf8') !== built) {
    console.error(`static/${name} is not what its sources give: run make browser`);
    differs = true;
  }
}
if (process.argv.includes('--what')) {
  const inputs = Object.entries(Object.values(bundled.metafile.outputs)[0].inputs);
  const sizes = new Map();
  for (const [path, {bytesInOutput}] of inputs) {
    const name = path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? 'own';
    sizes.set(name, (sizes.get(name) ?? 0) + bytesInOutput);
  }
  for (const [name, bytes] of [...sizes].sort((one, other) => other[1] - one[1])) console.log(`${String(bytes).padStart(8)}  ${name}`);
}
process.exitCode = differs ? 1 : 0;
