<?php
// Queries a server with PHP's curl extension: CA PORT [CERTIFICATE KEY]. Prints the response.
[, $ca, $port] = $argv;
$curl = curl_init("https://localhost:$port/");
curl_setopt_array($curl, [CURLOPT_CAINFO => $ca, CURLOPT_PROXY => "", CURLOPT_CONNECT_TO => ["localhost:$port:127.0.0.1:$port"]]);
if (isset($argv[4])) {
    curl_setopt_array($curl, [CURLOPT_SSLCERT => $argv[3], CURLOPT_SSLKEY => $argv[4]]);
}
exit(curl_exec($curl) === false ? (print(curl_error($curl) . "\n")) : 0);
