-- Traces that the JIT compiles, foreign functions, coroutines, files.
local ffi = require("ffi")
local bit = require("bit")
ffi.cdef[[
int getppid(void);
size_t strlen(const char *s);
void qsort(void *base, size_t n, size_t size, int (*less)(const int *, const int *));
]]

local function sieve(n)
  local marked, count = ffi.new("uint8_t[?]", n + 1), 0
  for i = 2, n do
    if marked[i] == 0 then
      count = count + 1
      for k = i * i, n, i do marked[k] = 1 end
    end
  end
  return count
end
print("primes", sieve(2000000))

local hash = 5381
for i = 1, 20000000 do hash = bit.bxor(bit.lshift(hash, 5) + hash, i % 251) end
print("hash", bit.tohex(hash))
print("jit", (jit.status()))

local numbers = ffi.new("int[1000]")
for i = 0, 999 do numbers[i] = (i * 7919) % 1009 end
ffi.C.qsort(numbers, 1000, 4, function(a, b) return a[0] - b[0] end) -- calls back from C
local sorted = true
for i = 1, 999 do sorted = sorted and numbers[i - 1] <= numbers[i] end
print("sorted", sorted, ffi.C.strlen("foreign"))

local function gen(n) for i = 1, n do coroutine.yield(i) end end
local sum = 0
for v in coroutine.wrap(function() gen(100000) end) do sum = sum + v end
print("coroutines", sum)

local words = {}
for i = 1, 200000 do words[i % 1000 + 1] = "w" .. i end -- garbage
collectgarbage()
print("words", words[1], words[1000])
print("error", select(2, pcall(function() local t = nil; return t.x end)))

local f = assert(io.open("out.txt", "w"))
for i = 1, 1000 do f:write(i, "\n") end
f:close()
local n = 0
for line in io.lines("out.txt") do n = n + tonumber(line) end
print("file", n)
os.exit(4)
