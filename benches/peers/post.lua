-- For wrk: posts the bodies FOLDER/0.ENDING to FOLDER/(COUNT-1).ENDING in turn, and prints the results as one line of JSON.
--
--   PORTS="8081 8082" wrk ... -s post.lua http://127.0.0.1:8081/PATH -- FOLDER COUNT ENDING CONTENT-TYPE
--
-- The threads are spread over the ports.

local ports = {}
for port in os.getenv("PORTS"):gmatch("%d+") do
  ports[#ports + 1] = port
end

local threads = 0

function setup(thread)
  thread.addr = wrk.lookup(wrk.host, ports[threads % #ports + 1])[1]
  thread:set("offset", threads)
  threads = threads + 1
end

local requests = {}
local last

function init(arguments)
  local count = tonumber(arguments[2])
  for number = 0, count - 1 do
    local file = assert(io.open(string.format("%s/%d.%s", arguments[1], number, arguments[3]), "rb"))
    requests[number + 1] = wrk.format("POST", nil, { ["Content-Type"] = arguments[4] }, file:read("*a"))
    file:close()
  end
  last = offset * math.floor(count / 2)
end

function request()
  last = last % #requests + 1
  return requests[last]
end

-- Durations are in microseconds. `requests` counts answers of any status.
function done(summary, latency)
  local errors = summary.errors
  local unanswered = errors.connect + errors.read + errors.write + errors.timeout
  print(string.format(
    '{"answered": %d, "microseconds": %d, "refused": %d, "unanswered": %d, "p50": %d, "p99": %d}',
    summary.requests, summary.duration, errors.status, unanswered, latency:percentile(50), latency:percentile(99)))
end
