-- Reads seqd's replies with MessagePack, and with cjson.
local msgpack = require "MessagePack"
local cjson = require "cjson"
local language = jit and "LuaJIT" or _VERSION

local function bytes(name)
  local file = assert(io.open(name, "rb"))
  local all = file:read("*a")
  file:close()
  return all
end

local function told(got, want)
  if got == nil then return "nil" end
  if got == want then return "exact, a string" end
  -- Numbers are floats but in Lua 5.3 and later.
  local shown = math.type and math.type(got) == "integer" and tostring(got) or string.format("%.0f", got)
  return shown == want and "exact" or shown .. ", no error"
end

local function row(name, version, read)
  print("row: " .. language .. ": " .. name)
  print("version: " .. version)
  print("big: " .. told(read("big").id, "9007199254740993"))
  print("wide: " .. told(read("wide").id, "4294967301"))
  print("error: " .. told(read("error").id))
end

row("MessagePack", msgpack._VERSION:match("%d+[%d.]*%d"), function(name) return msgpack.unpack(bytes(name .. ".msgpack")) end)
local function json(name) return cjson.decode(bytes(name .. ".json")) end
row("cjson", cjson._VERSION, json)
row("cjson, and tonumber(id)", cjson._VERSION, function(name) return { id = tonumber(json(name).id) } end)
if math.type then -- elsewhere tonumber does no better
  row("cjson, and id + 0.0", cjson._VERSION, function(name)
    local id = json(name).id
    return { id = id and id + 0.0 }
  end)
end
