# A handshake between a server and a client, both Ruby's: MODE CERTIFICATE KEY ROOT. Prints what the server says of it. MODE is what
# the client does wrong: "anonymous" sends no certificate, "stranger" one that is self-signed, "doubtful" trusts nothing, "plain"
# speaks HTTP.
require "openssl"
require "socket"

mode, certificate, key, root = ARGV
pair = ->(cert, key) { [OpenSSL::X509::Certificate.new(File.read(cert)), OpenSSL::PKey.read(File.read(key))] }
server = OpenSSL::SSL::SSLContext.new
server.add_certificate(*pair.call(certificate, key))
if mode != "doubtful"
  server.ca_file = root
  server.verify_mode = OpenSSL::SSL::VERIFY_PEER | OpenSSL::SSL::VERIFY_FAIL_IF_NO_PEER_CERT
end
listener = TCPServer.new("127.0.0.1", 0)
Thread.new do
  plain = TCPSocket.new("127.0.0.1", listener.addr[1])
  if mode == "plain"
    plain.write("GET / HTTP/1.0\r\n\r\n")
  else
    client = OpenSSL::SSL::SSLContext.new
    client.max_version = OpenSSL::SSL::TLS1_2_VERSION
    client.verify_mode = OpenSSL::SSL::VERIFY_PEER
    client.ca_file = root unless mode == "doubtful"
    client.add_certificate(*pair.call("../stranger.pem", "../stranger-key.pem")) if mode == "stranger"
    OpenSSL::SSL::SSLSocket.new(plain, client).connect
  end
rescue OpenSSL::SSL::SSLError, SystemCallError
  plain.close
end
begin
  OpenSSL::SSL::SSLSocket.new(listener.accept, server).accept
rescue OpenSSL::SSL::SSLError => e
  puts e.full_message(highlight: false)
end
