// What Digital Bazaar's verifier says of a credential: node verify_files.mjs credential.json did.json status.json [moment]
import {readFileSync} from 'node:fs';
import {loaderFor, verdictOn} from './digital_bazaar.mjs';

const [credential, did, statusList] = process.argv.slice(2, 5).map(path => JSON.parse(readFileSync(path, 'utf8')));
const now = process.argv[5] ?? new Date().toISOString();
const verdict = await verdictOn({credential, statusList, now, documentLoader: loaderFor({did, statusList})});
console.log(`verified ${verdict.verified}, revoked ${verdict.status}${verdict.error ? `: ${verdict.error}` : ''}`);
