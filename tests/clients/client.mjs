// The contract's call in JavaScript with fetch, without the body: fetch throws on a GET that has one.
const [base, workspace, name] = process.argv.slice(2);
const [w, n] = [workspace, name].map(encodeURIComponent);
const url = `${base}/apis/jobs/v2/workspaces/${w}/jobs/${n}/status`;
const options = { method: 'GET', headers: { 'Content-Type': 'application/json' } };

const response = await fetch(url, options);
const body = await response.text();
if (response.status === 200) {
  process.stdout.write(body);
} else {
  console.error(`${response.status} ${response.statusText}: ${body}`);
  process.exitCode = 1;
}
