// Log in with a passkey, or make one. The buttons are hidden until this script finds that the browser can.
const asBytes = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), letter => letter.charCodeAt(0));
const asText = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const post = async (url, body) => {
  const answer = await fetch(url, {method: 'POST', headers: {'content-type': 'application/json', accept: 'application/json'}, body: JSON.stringify(body)});
  if (answer.redirected) { // to the login: the session has ended
    location.assign(answer.url);
    return new Promise(() => {});
  }
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
};
const withBytes = list => (list ?? []).map(each => ({...each, id: asBytes(each.id)}));
const told = ({rawId, type, response}, names) => {
  const sent = {id: asText(rawId), rawId: asText(rawId), type, response: {}};
  for (const name of names) if (response[name]) sent.response[name] = asText(response[name]);
  return sent;
};

async function logIn({next}) {
  const options = await post('/passkeys/options');
  const publicKey = {...options, challenge: asBytes(options.challenge), allowCredentials: withBytes(options.allowCredentials)};
  const credential = await navigator.credentials.get({publicKey});
  return post(`/passkeys/login?next=${encodeURIComponent(next ?? '')}`, told(credential, ['clientDataJSON', 'authenticatorData', 'signature', 'userHandle']));
}

async function make() {
  const options = await post('/account/passkeys/options');
  const publicKey = {
    ...options, challenge: asBytes(options.challenge), user: {...options.user, id: asBytes(options.user.id)}, excludeCredentials: withBytes(options.excludeCredentials),
  };
  const credential = await navigator.credentials.create({publicKey}).catch(error => {
    if (error.name !== 'InvalidStateError') throw error;
  });
  if (!credential) return {next: '/account?done=passkey#passkeys'}; // this device has one already: the answer to it was lost
  return post('/account/passkeys', told(credential, ['clientDataJSON', 'attestationObject']));
}

for (const button of document.querySelectorAll('[data-passkey]')) {
  if (!window.PublicKeyCredential) continue;
  const status = document.getElementById('passkey-status');
  button.hidden = false;
  button.addEventListener('click', async () => {
    status.textContent = '';
    try {
      const {next} = await (button.dataset.passkey === 'login' ? logIn(button.dataset) : make());
      location.assign(next);
    } catch {
      status.textContent = button.dataset.failed; // refused here, or closed by the person
    }
  });
}
