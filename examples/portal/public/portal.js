// A patient portal on fhirclient.js: log in, see whom you may act for, switch to them, read, log out.
const SCOPE = 'openid fhirUser delegation launch/patient patient/Patient.r patient/Consent.rs';
const TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

const { FHIR } = globalThis;
const part = (id) => document.getElementById(id);

// fhirclient.js takes an `iss` in the address, and more, for where to launch: only what it is to read stays there.
const answer = new URL(location).searchParams;
const kept = ['code', 'state', 'error', 'error_description'].filter((name) => answer.has(name));
const query = new URLSearchParams(kept.map((name) => [name, answer.get(name)])).toString();
history.replaceState(null, '', query ? `${location.pathname}?${query}` : location.pathname);

let settings;
// What the SMART configuration says beyond what fhirclient.js keeps: userinfo and revocation.
let endpoints;
// Whoever has logged in, and the client that acts for a patient while they have switched.
let own;
let acting;

function show(problem) {
  part('problem').textContent = problem;
  part('problem').hidden = !problem;
}

// Runs what a button does. What goes wrong is told.
const doing = (action) => async () => {
  show('');
  try {
    await action();
  } catch (error) {
    show(`That did not work: ${error.message}`);
  }
};

function element(name, text, ...children) {
  const made = document.createElement(name);
  made.append(text, ...children);
  return made;
}

const nameOf = (person) => [person.name?.[0]?.given?.join(' '), person.name?.[0]?.family].filter(Boolean).join(' ') || 'A person without a name';

const logIn = () =>
  FHIR.oauth2.authorize({ ...settings, scope: SCOPE, redirectUri: `${location.origin}/callback`, pkceMode: 'required' });

// RFC 8693: the token of the person becomes one of the person for this patient. The server reads the role again.
async function switchTo(delegation) {
  const { tokenUri } = own.state;
  const exchanged = await fetch(tokenUri, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_id: settings.clientId,
      subject_token: own.getState('tokenResponse.access_token'),
      subject_token_type: TOKEN,
      role: delegation.consent,
    }),
  });
  const tokenResponse = await exchanged.json();
  if (!exchanged.ok) throw new Error(tokenResponse.error_description ?? tokenResponse.error);
  if (acting) await revoke(acting);
  acting = FHIR.client({ serverUrl: settings.iss, clientId: settings.clientId, tokenUri, tokenResponse });
  await render();
}

async function goBack() {
  await revoke(acting);
  acting = undefined;
  await render();
}

// RFC 7009.
const revoke = (client) =>
  fetch(endpoints.revocation_endpoint, {
    method: 'POST',
    body: new URLSearchParams({ token: client.getState('tokenResponse.access_token'), client_id: settings.clientId }),
  });

async function logOut() {
  for (const client of [acting, own]) if (client) await revoke(client);
  sessionStorage.clear();
  location.assign('/');
}

// Reads what the token in use gives, and writes it down.
async function render() {
  const client = acting ?? own;
  const user = await own.request(endpoints.userinfo_endpoint);
  const patient = await client.patient.read();
  const roles = await client.request(`Consent?patient=${client.patient.id}`, { flat: true, pageLimit: 0 });

  const isProxy = patient.id !== user.nhs_number;
  part('who').textContent = nameOf(patient);
  part('acting').textContent = isProxy ? `You are acting for ${nameOf(patient)}.` : 'These are your own records.';
  part('patient').replaceChildren(
    element('dt', 'NHS number'), element('dd', patient.id),
    element('dt', 'Date of birth'), element('dd', patient.birthDate ?? 'not known'),
  );
  const lines = roles.map((role) => element('li', `Role ${role.id}: ${role.status}`));
  part('roles').replaceChildren(...(lines.length ? lines : [element('li', 'Nobody acts here.')]));
  const choices = (user.delegations ?? []).map((delegation) => {
    const { given_name: given, family_name: family, nhs_number: number } = delegation.patient;
    const button = element('button', `Switch to ${[given, family].filter(Boolean).join(' ')}`);
    button.type = 'button';
    button.dataset.patient = number;
    button.addEventListener('click', doing(() => switchTo(delegation)));
    return element('li', button, ` ${delegation.relationship?.display ?? delegation.legal_basis.display}`);
  });
  const none = isProxy && !acting ? 'Log in as yourself to choose.' : 'Nobody.';
  part('delegations').replaceChildren(...(choices.length ? choices : [element('li', none)]));
  part('back').hidden = !acting;
  part('out').hidden = true;
  part('in').hidden = false;
  document.title = `${nameOf(patient)} – Demo portal`;
  part('who').focus();
}

async function start() {
  settings = await (await fetch('/settings.json')).json();
  endpoints = await (await fetch(`${settings.iss}/.well-known/smart-configuration`)).json();
  part('log-in').disabled = false;
  if (location.pathname === '/callback') await comeBack();
}

// RFC 9207: the answer says which server gives it. fhirclient.js does not look at that.
async function comeBack() {
  const isOther = answer.has('state') && answer.get('iss') !== endpoints.issuer;
  try {
    if (isOther) throw new Error('the answer is from another server');
    own = await FHIR.oauth2.ready();
  } finally {
    history.replaceState(null, '', own ? '/callback' : '/');
  }
  await render();
}

part('log-in').addEventListener('click', doing(logIn));
part('log-out').addEventListener('click', doing(logOut));
part('back').addEventListener('click', doing(goBack));
await doing(start)();
