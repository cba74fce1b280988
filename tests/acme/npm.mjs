// npm's acme-client, with each type of challenge: npm.mjs DIRECTORY HTTP_PORT TLS_PORT DNS_API FOLDER NAME CHALLENGE
import fs from 'node:fs'
import http from 'node:http'
import tls from 'node:tls'
import { createRequire } from 'node:module'

const [directory, httpPort, tlsPort, dnsApi, folder, name, kind] = process.argv.slice(2)
const require = createRequire(new URL('../../target/tools/', import.meta.url))
const acme = require('acme-client')

const files = new Map()
const web = http.createServer((request, response) => {
  const content = files.get(request.url)
  response.writeHead(content ? 200 : 404).end(content)
})
await new Promise((listening) => web.listen(Number(httpPort), '127.0.0.1', listening))

let alpn
const secure = tls.createServer({
  ALPNProtocols: ['acme-tls/1'],
  SNICallback: (_, done) => done(null, tls.createSecureContext({ key: alpn[0], cert: alpn[1] })),
})
await new Promise((listening) => secure.listen(Number(tlsPort), '127.0.0.1', listening))

const tell = (command, body) =>
  fetch(`${dnsApi}/${command}`, { method: 'POST', body: JSON.stringify(body) }).then((answer) => {
    if (!answer.ok) throw new Error(`${command}: ${answer.status}`)
  })

// It would wait for five seconds before it asks whether a challenge is valid.
const accountKey = await acme.crypto.createPrivateKey()
const client = new acme.Client({ directoryUrl: directory, accountKey, backoffMin: 100 })
const [key, csr] = await acme.crypto.createCsr({ altNames: [name] })
const certificate = await client.auto({
  csr,
  termsOfServiceAgreed: true,
  skipChallengeVerification: true,
  challengePriority: [kind],
  challengeCreateFn: async (authorization, challenge, authorizationKey) => {
    if (challenge.type === 'http-01') {
      files.set(`/.well-known/acme-challenge/${challenge.token}`, authorizationKey)
    } else if (challenge.type === 'dns-01') {
      await tell('set-txt', { host: `_acme-challenge.${name.replace('*.', '')}.`, value: authorizationKey })
    } else {
      alpn = await acme.crypto.createAlpnCertificate(authorization, authorizationKey)
    }
  },
  challengeRemoveFn: async () => files.clear(),
})
fs.writeFileSync(`${folder}/chain.pem`, certificate)
fs.writeFileSync(`${folder}/key.pem`, key)
if (process.env.REVOKE) await client.revokeCertificate(certificate)
process.exit(0)
