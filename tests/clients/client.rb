# One TLS request with Ruby's Net::HTTP: CA-FILE PORT NAME; with "-" as CA-FILE, it uses the system's roots.
require "net/http"

ca, port, name = ARGV
http = Net::HTTP.new(name, port.to_i, nil)
http.ipaddr = "127.0.0.1"
http.use_ssl = true
http.ca_file = ca unless ca == "-"
begin
  http.get("/")
  puts "accepted"
rescue SystemCallError, OpenSSL::SSL::SSLError => e
  puts "refused: #{e.message}"
  exit 1
end
