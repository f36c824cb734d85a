<?php

// The contract's call in PHP with Guzzle: GET with the body {}.

declare(strict_types=1);

require_once 'GuzzleHttp/autoload.php';

[, $base, $workspace, $name] = $argv;
$url = sprintf(
    '%s/apis/jobs/v2/workspaces/%s/jobs/%s/status',
    $base,
    rawurlencode($workspace),
    rawurlencode($name)
);

$client = new \GuzzleHttp\Client(['http_errors' => false]);
$response = $client->request('GET', $url, [
    'body' => '{}',
    'headers' => [
        'Content-Type' => 'application/json',
    ],
]);

if ($response->getStatusCode() !== 200) {
    fprintf(STDERR, "%d %s: %s\n", $response->getStatusCode(), $response->getReasonPhrase(), $response->getBody());
    exit(1);
}
echo $response->getBody();
