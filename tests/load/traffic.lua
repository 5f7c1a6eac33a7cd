-- The environment variable TRAFFIC chooses the kind of traffic.
local kind = os.getenv("TRAFFIC")
local good, expired = os.getenv("GOOD"), os.getenv("EXPIRED")
local threads, number = 0, 0

function setup(thread)
   thread:set("id", threads)
   threads = threads + 1
end

local function bearer(token)
   return wrk.format("GET", "/me", { authorization = "Bearer " .. token })
end

function request()
   number = number + 1
   if kind == "valid" then
      return bearer(good)
   elseif kind == "refused" then
      return bearer(expired)
   elseif kind == "garbage" then
      -- Each token differs and has a valid header, so it gets as far as possible into verification.
      local signed, signature = good:match("([^.]+%.[^.]+%.)([^.]+)")
      return bearer(string.format("%s%03d%09d%s", signed, id, number, signature:sub(13)))
   end
   return number % 4 == 0 and bearer(expired) or number % 4 == 1 and wrk.format("GET", "/me") or bearer(good)
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      "%-8s %9.0f req/s  p50 %6.2f ms  p99 %6.2f ms  answered otherwise than 2xx %d  broken %d\n",
      kind, summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
      errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
