// Whether a Merkle root is anchored at finality on the chain that was asked: for a credential and for the count.
// The order of the answers is that of services/verifier/check/anchoring.py; here one chain is asked, the visitor's.
import {japanTime} from './badge.js';
import {toHex} from './multibase.js';

/**
 * @typedef {{outcome: 'ok' | 'failed' | 'unknown', got: string, finding: '' | 'revoked' | 'pending'}} RootStatus
 * @param {{merkleRoot: Uint8Array, anchors: import('./merkle_proof.js').Anchor[]}} proof
 * @param {import('./node.js').ChainAnswers} chain
 * @returns {RootStatus}
 */
export function rootStatus(proof, {chainId, finalizedBlock, registries, transactions, others}) {
  const root = toHex(proof.merkleRoot);
  const of = (outcome, got, finding = '') => ({outcome, got, finding});
  const known = registries.filter(({anchorings}) => anchorings.get(root)).map(each => ({place: placeOf(each, chainId), ...each.anchorings.get(root)}));
  const revoked = known.find(each => each.revokedAt !== null);
  if (revoked) return of('failed', `${revoked.place}: root revoked at ${japanTime(revoked.revokedAt)}`, 'revoked');
  const wrong = wrongTransaction(proof, root, {chainId, finalizedBlock, registries, transactions});
  if (wrong !== null) return of('failed', wrong);
  const final = known.find(each => each.blockNumber <= finalizedBlock);
  if (final) return of('ok', `${final.place}: ${root} in block ${final.blockNumber}`);
  if (known.length) return of('unknown', `block ${known[0].blockNumber}, final is ${finalizedBlock}`, 'pending');
  const here = registries.map(each => placeOf(each, chainId)).join(', ');
  if (registries.some(({anchorings}) => !anchorings.has(root))) return of('unknown', `${here}: not asked for ${root}`);
  const named = proof.anchors.map(anchor => `chain ${anchor.chainId}, ${anchor.transaction}`).join('; ');
  const isHere = proof.anchors.some(anchor => anchor.chainId === chainId);
  // A root whose proof names no transaction here may be on a chain that wasn't asked.
  if (!isHere && (proof.anchors.length || others)) return of('unknown', `${here} doesn't know the root; the file names ${named || 'no transaction'}`);
  return of('failed', `${here} doesn't know ${root}`);
}

const placeOf = ({network, registry}, chainId) => `${network} (chain ${chainId}), registry ${registry}`;

/**
 * The first of the proof's transactions on this chain that isn't as the proof says. Nodes drop their index of transactions
 * after about a year, badges are valid for four: one that the node doesn't know changes nothing of what the registry says.
 */
function wrongTransaction({anchors}, root, {chainId, finalizedBlock, registries, transactions}) {
  for (const anchor of anchors) {
    const facts = anchor.chainId === chainId ? transactions.get(anchor.transaction) : null;
    if (!facts) continue;
    const to = registries.find(each => each.registry === facts.to);
    if (!to || facts.input !== `0x${root}`) return `transaction ${facts.hash} to ${facts.to} with ${facts.input.slice(0, 82)}`;
    const known = to.anchorings.get(root) ?? null;
    if (known === null && facts.blockNumber === null) continue; // not in a block yet: the registry's answer decides
    if (known !== null && known.blockNumber > finalizedBlock) continue; // it may come into another block yet
    if (facts.succeeded !== true || (known !== null && facts.blockNumber !== known.blockNumber)) {
      return `transaction ${facts.hash}: succeeded ${facts.succeeded}, block ${facts.blockNumber}`;
    }
  }
  return null;
}
