<?php
// One TLS request with PHP: HOW CA-FILE PORT NAME; HOW is "stream" or "curl". With "-" as CA-FILE, it uses the system's roots.
[, $how, $ca, $port, $name] = $argv;

if ($how === "curl") {
    $curl = curl_init("https://$name:$port/");
    curl_setopt_array($curl, [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_PROXY => "",
        CURLOPT_CONNECT_TO => ["$name:$port:127.0.0.1:$port"],
    ]);
    if ($ca !== "-") {
        curl_setopt($curl, CURLOPT_CAINFO, $ca);
    }
    $accepted = curl_exec($curl) !== false;
    $why = curl_error($curl);
} else {
    $options = ["peer_name" => $name] + ($ca === "-" ? [] : ["cafile" => $ca]);
    set_error_handler(function ($level, $message) use (&$why) {
        $why .= $message;
    });
    $context = stream_context_create(["ssl" => $options]);
    $accepted = stream_socket_client("ssl://127.0.0.1:$port", $code, $why, 20, STREAM_CLIENT_CONNECT, $context) !== false;
}
echo $accepted ? "accepted\n" : "refused: $why\n";
exit($accepted ? 0 : 1);
