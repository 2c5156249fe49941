// Builds static/app.min.css (checked in; served at /static/app.<hash>.css) from app.css and those design tokens that it uses.
// Run by `make css`; with --check it writes nothing and fails when the built file is not what app.css gives. Needs the npm packages of the repository (lightningcss, @digital-go-jp/design-tokens).
import {createRequire} from 'node:module';
import {readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {gzipSync} from 'node:zlib';

const require = createRequire(import.meta.url);
const {transform} = require('lightningcss');
const here = dirname(fileURLToPath(import.meta.url));
const tokens = readFileSync(require.resolve('@digital-go-jp/design-tokens/dist/tokens.css'), 'utf8');
const own = readFileSync(join(here, 'app.css'), 'utf8');

const defined = new Map([...tokens.matchAll(/^\s*(--[\w-]+):\s*(.+);$/gm)].map(found => [found[1], found[2]]));
const used = new Set();
const own_names = new Set([...own.matchAll(/(--[\w-]+)\s*:/g)].map(found => found[1]));
const walk = text => {
  for (const [, name] of text.matchAll(/var\((--[\w-]+)/g)) {
    if (defined.has(name) && !used.has(name)) {
      used.add(name);
      walk(defined.get(name));
    } else if (!defined.has(name) && !own_names.has(name) && name !== '--accent') {
      throw new Error(`app.css: got var(${name}), expected a design token or a property of app.css`);
    }
  }
};
walk(own);

const root = `:root{${[...used].map(name => `${name}:${defined.get(name)}`).join(';')}}`;
const licence = '/*! Design tokens: @digital-go-jp/design-tokens, (c) Digital Agency, Government of Japan, MIT License */\n';
const {code} = transform({filename: 'app.css', code: Buffer.from(root + own), minify: true, targets: {safari: 16 << 16, chrome: 109 << 16, firefox: 115 << 16}});
const built = licence + code.toString().replace(/^\/\*![^]*?\*\/\s*/, '') + '\n';
const target = join(here, 'static', 'app.min.css');
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== built) {
    console.error('static/app.min.css is not what app.css gives: run make css');
    process.exit(1);
  }
} else {
  writeFileSync(target, built);
  console.log(`static/app.min.css: ${built.length} bytes, ${gzipSync(built).length} gzip; ${used.size} of ${defined.size} tokens`);
}
