# Reads seqd's replies with the gem msgpack, and with JSON.
require "json"
require "msgpack"

def told(got, want)
  return "nil" if got.nil?
  return "exact" if got == want
  got == want.to_s ? "exact, a string" : "#{got.inspect}, no error"
end

def row(name, version, read)
  puts "row: Ruby: #{name}", "version: #{version} on Ruby #{RUBY_VERSION}"
  puts "big: #{told(read.call("big")["id"], 2**53 + 1)}"
  puts "wide: #{told(read.call("wide")["id"], 2**32 + 5)}"
  puts "error: #{told(read.call("error")["id"], "")}"
end

row("msgpack", MessagePack::VERSION, ->(name) { MessagePack.unpack(File.binread("#{name}.msgpack")) })
row("JSON", JSON::VERSION, ->(name) { JSON.parse(File.read("#{name}.json")) })
