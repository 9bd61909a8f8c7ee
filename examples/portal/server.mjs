// Serves the portal's pages. All that the portal does, it does in the browser; this server sees no token.
//
// ONBEHALF_URL says where OnBehalf is, PORT where the portal listens. The sandbox knows the portal at port 9000.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const port = Number(process.env.PORT ?? 9000);
const onbehalf = (process.env.ONBEHALF_URL ?? 'http://127.0.0.1:8080').replace(/\/$/, '');
const library = createRequire(import.meta.url).resolve('fhirclient/build/fhir-client.pure.min.js');
const file = (name) => readFileSync(new URL(`public/${name}`, import.meta.url));

const page = { type: 'text/html; charset=utf-8', body: file('index.html') };
const answers = {
  '/': page,
  '/callback': page,
  '/portal.css': { type: 'text/css; charset=utf-8', body: file('portal.css') },
  '/portal.js': { type: 'text/javascript; charset=utf-8', body: file('portal.js') },
  '/fhir-client.js': { type: 'text/javascript; charset=utf-8', body: readFileSync(library) },
  '/settings.json': { type: 'application/json', body: JSON.stringify({ iss: `${onbehalf}/FHIR/R4`, clientId: 'demo-portal' }) },
};
const policy = `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ${onbehalf}; img-src data:; base-uri 'none'; frame-ancestors 'none'`;

const server = createServer((request, response) => {
  const found = answers[request.url.split('?')[0]];
  const known = request.method === 'GET' ? found : undefined;
  response.writeHead(known ? 200 : 404, {
    'Content-Type': known?.type ?? 'text/plain',
    'Content-Security-Policy': policy,
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
  });
  response.end(known?.body ?? 'There is no such page.\n');
});
server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
