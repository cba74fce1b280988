# Ruby's acme-client: client.rb DIRECTORY ROOT WWW DNS_API NAME CHALLENGE CHAIN KEY
require 'acme-client'
require 'json'
require 'net/http'
require 'openssl'

directory, root, www, dns_api, name, kind, chain, key_file = ARGV
account = OpenSSL::PKey::EC.generate('prime256v1')
client = Acme::Client.new(private_key: account, directory: directory, connection_options: { ssl: { ca_file: root } })
client.new_account(contact: 'mailto:a@example.com', terms_of_service_agreed: true)
order = client.new_order(identifiers: [name])
authorization = order.authorizations.first
if kind == 'http-01'
  challenge = authorization.http
  File.write(File.join(www, challenge.filename), challenge.file_content)
else
  challenge = authorization.dns
  host = "#{challenge.record_name}.#{authorization.domain.delete_prefix('*.')}."
  url = URI("#{dns_api}/set-txt")
  Net::HTTP.start(url.host, url.port, nil, use_ssl: true, ca_file: root) do |http|
    http.post(url.path, { host: host, value: challenge.record_content }.to_json).value
  end
end
challenge.request_validation
challenge.reload while %w[pending processing].include?(challenge.status)
raise challenge.error.inspect unless challenge.status == 'valid'

key = OpenSSL::PKey::EC.generate('prime256v1')
order.finalize(csr: Acme::Client::CertificateRequest.new(private_key: key, names: [name], subject: { common_name: name }))
order.reload while order.status == 'processing'
certificate = order.certificate
File.write(chain, certificate)
File.write(key_file, key.to_pem)
client.revoke(certificate: OpenSSL::X509::Certificate.new(certificate).to_der)
