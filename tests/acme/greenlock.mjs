// npm's greenlock: greenlock.mjs DIRECTORY HTTP_PORT DNS_API FOLDER NAME CHALLENGE
// Obtains a certificate, and renews it; it cannot revoke.
import fs from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'

const [directory, httpPort, dnsApi, folder, name, kind] = process.argv.slice(2)
const require = createRequire(new URL('../../target/tools/', import.meta.url))
// It would report its users to its authors, and look up the mail servers of addresses.
require('@root/acme/maintainers.js').init = () => {}
require('@root/greenlock/utils.js')._validMx = async () => null
// It would look at the challenges itself, but only the server knows the names.
const acme = require('@root/acme')
const { create } = acme
acme.create = (options) => create({ ...options, skipChallengeTest: true, skipDryRun: true })
// It would wait for five seconds until records are everywhere.
acme._wait = () => new Promise((resolve) => setTimeout(resolve, 100))
const Greenlock = require('greenlock')

const files = new Map()
const web = http.createServer((request, response) => {
  const content = files.get(request.url)
  response.writeHead(content ? 200 : 404).end(content)
})
await new Promise((listening) => web.listen(Number(httpPort), '127.0.0.1', listening))

const tell = async (command, body) => {
  const answer = await fetch(`${dnsApi}/${command}`, { method: 'POST', body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${command}: ${answer.status}`)
}
const path = (challenge) => `/.well-known/acme-challenge/${challenge.token}`
const host = (challenge) => `${challenge.dnsHost}.`
const texts = new Map()
globalThis.challenges = {
  'http-01': {
    init: async () => null,
    set: async ({ challenge }) => void files.set(path(challenge), challenge.keyAuthorization),
    get: async ({ challenge }) => ({ keyAuthorization: files.get(path(challenge)) }),
    remove: async ({ challenge }) => void files.delete(path(challenge)),
  },
  'dns-01': {
    init: async () => null,
    zones: async () => [],
    set: async ({ challenge }) => {
      texts.set(host(challenge), challenge.dnsAuthorization)
      await tell('set-txt', { host: host(challenge), value: challenge.dnsAuthorization })
    },
    get: async ({ challenge }) => ({ dnsAuthorization: texts.get(host(challenge)) }),
    remove: async ({ challenge }) => tell('clear-txt', { host: host(challenge) }),
  },
}
const plugin = `${folder}/plugin.js`
fs.writeFileSync(plugin, `exports.create = () => globalThis.challenges[${JSON.stringify(kind)}]\n`)
fs.writeFileSync(`${folder}/package.json`, '{}')
const events = new Set()
const failures = []
const greenlock = Greenlock.create({
  packageRoot: folder,
  configDir: `${folder}/greenlock-${kind}`,
  packageAgent: 'devca/1.0',
  maintainerEmail: 'a@example.com',
  directoryUrl: directory,
  renew: false,
  notify: (event, details) => (event === 'error' ? failures.push(details) : events.add(event)),
})
await greenlock.manager.defaults({
  agreeToTerms: true,
  directoryUrl: directory,
  subscriberEmail: 'a@example.com',
  challenges: { [kind]: { module: plugin } },
  store: { module: 'greenlock-store-fs', basePath: `${folder}/greenlock-${kind}` },
})
await greenlock.add({ subject: name, altnames: [name] })
// It renews in the background, and would renew again when asked for the certificate.
const later = Date.now() + 1e10
for (const event of ['cert_issue', 'cert_renewal']) {
  await greenlock.update({ subject: name, renewAt: 1 })
  const [result] = await greenlock.renew({ subject: name })
  if (result?.error) throw result.error
  while (!events.has(event) && !failures.length) await new Promise((tick) => setTimeout(tick, 50))
  if (failures.length) throw failures[0]
  await greenlock.update({ subject: name, renewAt: later })
}
const { pems } = await greenlock.get({ servername: name.replace('*', 'www') })
fs.writeFileSync(`${folder}/chain.pem`, `${pems.cert}\n${pems.chain}\n`)
fs.writeFileSync(`${folder}/key.pem`, pems.privkey)
process.exit(0)
