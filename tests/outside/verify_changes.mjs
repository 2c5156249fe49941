// What the same verifier says of one credential after each of many changes of one character.
// stdin: {text, did, statusList, now, changes}: `text` is the file as it stands, a change is [place, put] (in code points,
// `put` takes the place of the character there; "" leaves it out). stdout: for each change why it was rejected, null if it
// was accepted: "no JSON", "proof" (the library says verified: false) or "error" (it throws).
import {readFileSync} from 'node:fs';
import {availableParallelism} from 'node:os';
import {isMainThread, parentPort, Worker, workerData} from 'node:worker_threads';
import {loaderFor, verdictOn} from './digital_bazaar.mjs';

async function rejection({text, statusList, now, documentLoader}) {
  let credential;
  try {
    credential = JSON.parse(text);
  } catch(error) {
    return 'no JSON';
  }
  try {
    const {verified} = await verdictOn({credential, statusList, now, documentLoader});
    return verified ? null : 'proof';
  } catch(error) {
    return 'error';
  }
}

async function rejections({text, did, statusList, now, changes}) {
  const documentLoader = loaderFor({did, statusList});
  const characters = Array.from(text);
  const all = [];
  for(const [place, put] of changes) {
    const changed = [...characters.slice(0, place), put, ...characters.slice(place + 1)].join('');
    all.push(await rejection({text: changed, statusList, now, documentLoader}));
  }
  return all;
}

function inWorker(request) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), {workerData: request});
    worker.on('message', resolve).on('error', reject);
  });
}

if(isMainThread) {
  const {changes, ...request} = JSON.parse(readFileSync(0, 'utf8'));
  const workers = availableParallelism();
  const share = Math.ceil(changes.length / workers);
  const shares = Array.from({length: workers}, (_, n) => changes.slice(n * share, (n + 1) * share));
  const all = await Promise.all(shares.map(each => inWorker({...request, changes: each})));
  process.stdout.write(JSON.stringify(all.flat()));
} else {
  parentPort.postMessage(await rejections(workerData));
}
