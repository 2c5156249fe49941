// The Open Badges 2.0 half of a picture, compared with the credential in it: readers of 2.0 see that half only.
// As shared/credentials/open_badges_2.py, which makes it.
import {readJson} from './badge.js';
import {Contradicted} from './errors.js';
import {shown} from './multibase.js';

const CREDENTIAL = /\/credentials\/([A-Z2-7]{26})\.json$/;

/**
 * @param {Record<string, any>} credential
 * @param {{assertion: Uint8Array | null, verify: string | null}} half what the picture holds beside the credential
 * @returns {Record<string, any>} the credential
 * @throws {Contradicted} when the half says something else. What it leaves out is no false statement; a credential of
 *   others is judged by the other checks.
 */
export function notContradicted(credential, {assertion, verify}) {
  const expected = assertionOf(credential);
  if (expected === null) return credential;
  if (verify !== null && verify !== expected.id) throw new Contradicted(`verify: got ${shown(verify, 200)}, expected ${expected.id}`);
  if (assertion === null) return credential;
  for (const [name, value] of Object.entries(readJson(assertion))) {
    if (!Object.hasOwn(expected, name) || !isSame(value, expected[name])) {
      throw new Contradicted(`${shown(name, 60)} differs between its two halves`);
    }
  }
  return credential;
}

/** The assertion of a credential, as the issuer bakes it in; null when it isn't one of ours. */
function assertionOf(credential) {
  const number = typeof credential.id === 'string' ? credential.id.match(CREDENTIAL)?.[1] : undefined;
  const site = number ? credential.id.split('/credentials/')[0] : '';
  const subject = credential.credentialSubject;
  const identifiers = Array.isArray(subject?.identifier) ? subject.identifier : [];
  const address = identifiers.find(each => each?.hashed === true && each.identityType === 'emailAddress');
  const badge = subject?.achievement?.id;
  if (!number || !address || typeof badge !== 'string' || !badge.startsWith(`${site}/badges/`)) return null;
  const passed = identifiers.find(each => each?.identityType === 'ext:passNumber')?.identityHash;
  const numbers = [['登録番号 / Registration no.', subject.licenseNumber], ['合格番号 / Pass no.', passed]].filter(([, value]) => value);
  const evidence = Array.isArray(credential.evidence) ? credential.evidence : [];
  return withoutNothing({
    '@context': 'https://w3id.org/openbadges/v2',
    type: 'Assertion',
    id: `${site}/assertions/${number}.json`,
    '@language': subject.achievement.inLanguage,
    recipient: {type: 'email', hashed: true, salt: address.salt ?? '', identity: address.identityHash},
    badge: `${site}/ob2${badge.slice(site.length)}`,
    verification: {type: 'HostedBadge'},
    issuedOn: credential.awardedDate,
    expires: credential.validUntil,
    image: `${site}/credentials/${number}.png`,
    evidence: evidence.length ? evidence.map(each => evidenceOf(each, site)) : undefined,
    narrative: numbers.map(([name, value]) => `- ${name}: ${value}`).join('\n') || undefined,
  });
}

function evidenceOf(given, site) {
  const id = typeof given?.id === 'string' ? given.id : undefined;
  const former = id?.startsWith(`${site}/`) ? id.match(CREDENTIAL)?.[1] : undefined;
  return withoutNothing({type: 'Evidence', id: former ? `${site}/V/${former}` : id, genre: given?.genre, name: given?.name, narrative: given?.narrative});
}

const withoutNothing = members => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null));

/** Equal JSON values, in whatever order their members are. */
function isSame(one, other) {
  if (typeof one !== 'object' || one === null || typeof other !== 'object' || other === null) return one === other;
  const names = Object.keys(one);
  return Array.isArray(one) === Array.isArray(other) && names.length === Object.keys(other).length
    && names.every(name => Object.hasOwn(other, name) && isSame(one[name], other[name]));
}
