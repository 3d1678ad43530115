-- SPDX-License-Identifier: MIT
-- A tour of Lua's library: strings, tables, coroutines, closures, files, errors.
local words = {}
for line in io.lines("words.txt") do
    for w in line:gmatch("%a+") do
        w = w:lower()
        words[w] = (words[w] or 0) + 1
    end
end
local order = {}
for w in pairs(words) do order[#order + 1] = w end
table.sort(order, function(a, b)
    if words[a] ~= words[b] then return words[a] > words[b] end
    return a < b
end)
for i = 1, 5 do print(i, order[i], words[order[i]]) end

local function primes(limit)
    return coroutine.wrap(function()
        local composite = {}
        for n = 2, limit do
            if not composite[n] then
                coroutine.yield(n)
                for m = n * n, limit, n do composite[m] = true end
            end
        end
    end)
end
local sum, count = 0, 0
for p in primes(20000) do sum, count = sum + p, count + 1 end
print("primes", count, sum, sum // count, sum % 97, 7 / 2, 1 << 40, 3 ~ 5)

local out = assert(io.open("out.bin", "wb"))
for i = 1, 200 do out:write(string.pack("<I4d s2", i, i / 3, ("x"):rep(i % 7))) end
print("written", out:seek("cur", 0))
out:close()
local data = io.open("out.bin", "rb"):read("a")
local pos, total = 1, 0
while pos <= #data do
    local i, d, s
    i, d, s, pos = string.unpack("<I4d s2", data, pos)
    total = total + i + #s
end
print("read back", total, #data)
print(os.rename("out.bin", "kept.bin"), os.remove("kept.bin"), (os.remove("kept.bin")))

print(pcall(error, {code = 3}) == false, select(2, pcall(function() local x = nil; return x.y end)))
print(os.date("!%Y-%m-%d %H:%M:%S", 1000000000), os.getenv("LUA_COLOUR"), os.time() > 1000000000)
print(string.format("%q %5.2f %-5s| %x", "quote\n\"", math.pi, "ab", 255), utf8.char(228, 8364))
print("stdin says", io.read("n"), io.read("l"), io.read("l"))
print(arg[0], arg[1], #arg, _VERSION)

local t = setmetatable({}, {__gc = function() io.write("closed\n") end})
t = nil
for i = 1, 50 do local big = {}; for j = 1, 2000 do big[j] = i .. "," .. j end end
collectgarbage()
io.stderr:write("to stderr\n")
os.exit(3, true)
