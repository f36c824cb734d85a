-- For wrk: asks for jobs in a random order of its own, and tells what came of it in one line.  With a file of the jobs'
-- tags, one a line, each request is a conditional one.
local threads = {}

function setup(thread)
	table.insert(threads, thread)
end

-- The requests are made beforehand, so that making them is no part of the load.
function init(arguments)
	local jobs = tonumber(arguments[1])
	math.randomseed(tonumber(arguments[2]))
	local tags = {}
	if arguments[3] then
		for tag in io.lines(arguments[3]) do
			table.insert(tags, tag)
		end
	end
	requests, at, wrong = {}, 0, 0
	for i = 1, 20000 do
		local job = math.random(jobs)
		requests[i] = wrk.format("GET", string.format(
			"/apis/jobs/v2/workspaces/%d/jobs/%d/status", job % 100, job),
			{ ["If-None-Match"] = tags[job] })
	end
end

function request()
	at = at % #requests + 1
	return requests[at]
end

function done(summary, latency)
	local errors = summary.errors
	print(string.format("result %d %d %d %d %d %d %d", summary.requests, summary.duration,
		latency:percentile(50), latency:percentile(99), errors.status,
		errors.connect + errors.read + errors.write + errors.timeout, summary.bytes))
end
