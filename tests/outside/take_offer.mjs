// Another wallet takes a badge: @openid4vc/openid4vci follows a credential offer. stdin: JSON [{offer}]; stdout: JSON list of
// {configuration, format, credential} or {error}.
import {createHash, randomBytes} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {Openid4vciClient} from '@openid4vc/openid4vci';
import {setGlobalConfig} from '@openid4vc/oauth2';

setGlobalConfig({allowInsecureUrls: true}); // the tests' wallet is on the loopback address

const unused = () => { throw new Error('expected no key, no encryption'); };
const client = new Openid4vciClient({
  callbacks: {
    fetch,
    hash: (data, algorithm) => new Uint8Array(createHash(algorithm.replace('-', '')).update(data).digest()),
    generateRandom: length => new Uint8Array(randomBytes(length)),
    clientAuthentication: () => {},
    signJwt: unused, verifyJwt: unused, decryptJwe: unused, encryptJwe: unused,
  },
});

async function take({offer}) {
  try {
    const credentialOffer = await client.resolveCredentialOffer(offer);
    const issuerMetadata = await client.resolveIssuerMetadata(credentialOffer.credential_issuer);
    const [configuration] = credentialOffer.credential_configuration_ids;
    const {accessTokenResponse} = await client.retrievePreAuthorizedCodeAccessTokenFromOffer({credentialOffer, issuerMetadata});
    const {credentialResponse} = await client.retrieveCredentials({
      issuerMetadata, accessToken: accessTokenResponse.access_token, credentialConfigurationId: configuration,
    });
    const {format} = issuerMetadata.knownCredentialConfigurations[configuration] ?? {};
    return {configuration, format, version: issuerMetadata.originalDraftVersion, credential: credentialResponse.credentials[0].credential};
  } catch (error) {
    return {error: `${error.name}: ${error.message}`.slice(0, 500)};
  }
}

const answers = [];
for (const each of JSON.parse(readFileSync(0, 'utf8'))) answers.push(await take(each));
process.stdout.write(JSON.stringify(answers));
