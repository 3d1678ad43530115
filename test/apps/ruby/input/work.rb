# Threads, queues, mutexes, condition variables, fibers, ractors, timeouts, signals, collection.
require "timeout"
require "digest/sha2" # not when threads first name it: that is a race of theirs
require "zlib"
require "json"

queue = SizedQueue.new(4)
producer = Thread.new { 1000.times { |i| queue << i }; queue << nil }
sum = 0
while (x = queue.pop)
  sum += x
end
producer.join
puts "queue #{sum}"

lock, turn, ready = Mutex.new, 0, ConditionVariable.new
threads = 4.times.map do |me|
  Thread.new do
    25.times do
      lock.synchronize do
        ready.wait(lock) until turn % 4 == me
        turn += 1
        ready.broadcast
      end
    end
  end
end
threads.each(&:join)
puts "turns #{turn}"

parts = 4.times.map { |i| Thread.new { Digest::SHA256.hexdigest((i.to_s * 300_000)) } }
puts parts.map { |t| t.value[0, 12] }.join(" ")
puts "zlib #{Zlib.crc32(Zlib::Inflate.inflate(Zlib::Deflate.deflate('elfin ' * 50_000)))}"

begin
  Timeout.timeout(0.05) { sleep 10 }
rescue Timeout::Error => e
  puts e.class
end
slow = Thread.new { Thread.stop; :never }
Thread.pass until slow.stop?
slow.kill
puts "killed #{slow.join.value.inspect} #{slow.alive?}"
failing = Thread.new { Thread.current.report_on_exception = false; raise "inside" }
begin
  failing.join
rescue RuntimeError => e
  puts "raised #{e.message}"
end

got = Queue.new
trap("USR1") { got << :usr1 }
Process.kill("USR1", Process.pid)
puts "signal #{got.pop}"

reader, writer = IO.pipe
t = Thread.new { reader.read }
writer.write("through a pipe")
writer.close
puts t.value

fib = Fiber.new { a, b = 0, 1; loop { Fiber.yield a; a, b = b, a + b } }
puts 15.times.map { fib.resume }.join(",")
lazy = Thread.new { Thread.current[:local] = 1; Thread.current[:local] }
puts "locals #{lazy.value} #{Thread.current[:local].inspect}"

2.times.map { Thread.new { 30_000.times.map { |i| "s#{i}" }.size } }.each { |t| puts t.value }
GC.start
GC.compact if GC.respond_to?(:compact)
puts "collected #{GC.count > 0}"
File.write("out.json", JSON.generate({ "a" => [1, nil, 2.5] }))
puts JSON.parse(File.read("out.json"))
puts IO.select([reader], nil, nil, 0).inspect == "nil" ? "idle" : "readable"
exit 6
