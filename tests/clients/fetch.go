// One request with Go's net/http: URL.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	dialer := net.Dialer{Timeout: time.Second}
	transport := &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: time.Second, ForceAttemptHTTP2: true}
	client := http.Client{Transport: transport}
	if _, err := client.Get(os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
