-- One operation, driven by wrk: `wrk … -s wrk.lua URL -- METHOD LINES TEMPLATE START THREADS TOKEN TYPE [BODY-FILE [GROUP]]`.
-- With GROUP, the body is a transaction Bundle of so many entries, each made of the next line. Each request takes the next line of LINES; its comma-separated words replace $1, $2 … in the path and the body.
-- Prints one line of JSON at the end.

local all = {}

function setup(thread)
  thread:set("number", #all)
  all[#all + 1] = thread
end

local function fill(template, words)
  return (template:gsub("%$(%d)", function(at) return words[tonumber(at)] or "" end))
end

function init(args)
  method, template = args[1], args[3]
  local start, threads = tonumber(args[4]), tonumber(args[5])
  headers = { ["Accept"] = "application/fhir+json" }
  if args[6] ~= "-" then headers["Authorization"] = args[6] end
  if args[7] ~= "-" then headers["Content-Type"] = args[7] end
  if args[8] then
    local file = io.open(args[8])
    body = file:read("*a")
    file:close()
  end
  group = tonumber(args[9] or "0")
  rows = {}
  local at = 0
  for line in io.lines(args[2]) do
    at = at + 1
    if at > start and (at - 1) % threads == number then
      local words = {}
      for word in line:gmatch("[^,]+") do words[#words + 1] = word end
      rows[#rows + 1] = words
    end
  end
  position = 0
end

local function next_row()
  position = position % #rows + 1
  return rows[position]
end

function request()
  if group > 0 then
    local entries = {}
    for at = 1, group do entries[at] = fill(body, next_row()) end
    local bundle = '{"resourceType":"Bundle","type":"transaction","entry":[' .. table.concat(entries, ",") .. "]}"
    return wrk.format(method, template, headers, bundle)
  end
  local words = next_row()
  return wrk.format(method, fill(template, words), headers, body and fill(body, words))
end

function done(summary, latency, requests)
  -- Threads take every so-manieth line, and do not come equally far.
  local used = 0
  for _, thread in ipairs(all) do used = math.max(used, thread:get("position") * #all) end
  io.write(string.format(
    '{"requests":%d,"used":%d,"microseconds":%d,"p50":%d,"p99":%d,"not_2xx":%d,"broken":%d}\n',
    summary.requests, used, summary.duration, latency:percentile(50), latency:percentile(99), summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
