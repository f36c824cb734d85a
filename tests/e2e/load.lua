-- For wrk: every answer must be 200 with the bytes of the file that the argument names.
local threads = {}

function setup(thread)
	table.insert(threads, thread)
end

function init(arguments)
	local file = assert(io.open(arguments[1], "rb"))
	expected, wrong, example = file:read("*a"), 0, ""
	file:close()
end

function response(status, headers, body)
	if status ~= 200 or body ~= expected then
		wrong, example = wrong + 1, status .. " " .. body:sub(1, 200)
	end
end

function done(summary, latency)
	local errors, wrong, example = summary.errors, 0, ""
	for _, thread in ipairs(threads) do
		wrong = wrong + thread:get("wrong")
		example = example .. thread:get("example")
	end
	print(string.format("result %d %d %d %d %s", summary.requests, wrong,
		errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(99), example))
end
