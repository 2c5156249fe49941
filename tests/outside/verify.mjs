// The verdict of a third-party verifier on our credentials.
// It is asked (answering.mjs) a list of {credential, did, statusList, now}. Its answer: a list of {verified, error, status,
// canonical}: `status` is the revocation bit (null when it was not read), `canonical` the RDFC-1.0 form that they make of the credential.
import jsonld from 'jsonld';
import {answerEach} from './answering.mjs';
import {loaderFor, verdictOn} from './digital_bazaar.mjs';

async function answer({credential, did, statusList, now}) {
  const documentLoader = loaderFor({did, statusList});
  const verdict = await verdictOn({credential, statusList, now, documentLoader});
  let canonical = null;
  try {
    canonical = await jsonld.canonize(credential, {
      algorithm: 'RDFC-1.0', format: 'application/n-quads', documentLoader, safe: true});
  } catch(failure) {
    canonical = null;
  }
  return {...verdict, canonical};
}

await answerEach(requests => Promise.all(requests.map(answer)));
