// The contract's call in Go with net/http: GET with the body {}.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
)

func main() {
	log.SetFlags(0)
	target := fmt.Sprintf("%s/apis/jobs/v2/workspaces/%s/jobs/%s/status",
		os.Args[1], url.PathEscape(os.Args[2]), url.PathEscape(os.Args[3]))

	req, err := http.NewRequest("GET", target, strings.NewReader("{}"))
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Add("Content-Type", "application/json")

	res, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		log.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		log.Fatalf("%s: %s", res.Status, body)
	}
	os.Stdout.Write(body)
}
