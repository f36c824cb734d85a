"""Sends the bytes that a library sends for the contract's call: replay.py FORM BASE WORKSPACE NAME.

For libraries that Debian does not have, and for a form that a library refuses to send.
"""

import http.client
import socket
import sys
from urllib.parse import quote, urlsplit

RESTSHARP = "Accept: application/json, text/json, text/x-json, text/javascript, application/xml, text/xml"

# The header lines of each form in their order, and its body.
FORMS = {
    # What Node's fetch sends for a POST with this body, with GET in its place; test_clients.py compares the names.
    "fetch": (b"{}", """
Host: %(host)s
Connection: keep-alive
Content-Type: application/json
Accept: */*
Accept-Language: *
Sec-Fetch-Mode: cors
User-Agent: node
Accept-Encoding: gzip, deflate
Content-Length: 2"""),
    # Likewise what Unirest's post() with body() sends, 1.4.8 and 1.4.9 alike.
    "unirest": (b"{}", """
Accept-Encoding: gzip
Content-Type: application/json
User-Agent: unirest-java/1.3.11
Content-Length: 2
Host: %(host)s
Connection: Keep-Alive"""),
    # RestSharp up to 106.9 drops a GET's body without a word (GetStyleMethodInternal in its Http.Sync.cs); 106.10 to
    # 106.15 throw NotSupportedException instead. Content-Type is set first, by AddHeader, then Accept and User-Agent
    # (RestClient.cs, ConfigureWebRequest); the rest is .NET Framework's HttpWebRequest's own, in the order of captures
    # that users of 106.6 published.
    "restsharp-106": (b"", """
Content-Type: application/json
%(restsharp)s
User-Agent: RestSharp/106.9.0.0
Host: %(host)s
Accept-Encoding: gzip, deflate
Connection: Keep-Alive"""),
    # From 107 on the call is spelt Method.Get and RestResponse, and HttpClient sends the body. The request's headers in
    # the order of ExecuteRequestAsync (RestClient.Async.cs); HttpClient puts Host before and the content's after them.
    "restsharp-112": (b"{}", """
Host: %(host)s
User-Agent: RestSharp/112.1.0.0
%(restsharp)s
Accept-Encoding: gzip, deflate, br
Content-Type: application/json
Content-Length: 2"""),
    # Apple's URLSession up to iOS 12 and macOS 10.14; later ones refuse a GET with a body (release notes of iOS 13:
    # NSURLErrorDataLengthExceedsMaximum). Content-Length is documented with NSURLRequest, the form of the User-Agent in
    # the open implementation's source; the order is not documented. The snippet's empty dictionary is {} in JSON.
    "urlsession-apple": (b"{}", """
Host: %(host)s
Content-Type: application/json
Connection: keep-alive
Accept: */*
User-Agent: client/1 CFNetwork/976 Darwin/18.2.0
Content-Length: 2
Accept-Language: en-us
Accept-Encoding: gzip, deflate"""),
    # The open URLSession (swift-corelibs-foundation, HTTPURLProtocol.swift) refuses the body too, so without it:
    # libcurl's own headers as libcurl 7.88 sends them, then the request's, then those of curlHeadersToSet.
    "urlsession-linux": (b"", """
Host: %(host)s
Accept: */*
Accept-Encoding: deflate, gzip, br, zstd
Content-Type: application/json
User-Agent: client (unknown version) curl/7.88.1
Accept-Language: en"""),
}


def main(form, base, workspace, name):
    place = urlsplit(base)
    body, lines = FORMS[form]
    path = "/apis/jobs/v2/workspaces/%s/jobs/%s/status" % (quote(workspace, safe=""), quote(name, safe=""))
    head = "GET %s HTTP/1.1" % path + lines % {"host": place.netloc, "restsharp": RESTSHARP} + "\n\n"
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + body)
        response = http.client.HTTPResponse(connection, method="GET")
        response.begin()
        answer = response.read()
    if response.status != 200:
        sys.exit("%d %s: %s" % (response.status, response.reason, answer.decode()))
    sys.stdout.buffer.write(answer)


main(*sys.argv[1:])
