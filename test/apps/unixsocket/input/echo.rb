# SPDX-License-Identifier: MIT
# Threads on both sides of AF_UNIX sockets; a descriptor sent along.
require "socket"
require "tmpdir"

Dir.mktmpdir do |dir|
  server = UNIXServer.new("#{dir}/socket")
  acceptor = Thread.new do
    6.times.map { Thread.new(server.accept) { |c| c.each_line { |l| c.puts(l.reverse.strip) }; c.close } }
           .each(&:join)
  end
  answers = 6.times.map do |i|
    Thread.new do
      UNIXSocket.open("#{dir}/socket") do |s|
        s.puts("line #{i}")
        s.close_write
        s.read
      end
    end
  end.map(&:value)
  acceptor.join
  p answers
  a, b = UNIXSocket.pair
  File.open("#{dir}/file", "w+") { |f| f.write("content"); f.flush; a.send_io(f) }
  f = b.recv_io
  f.rewind
  p f.read, a.local_address.unix?, server.addr[0]
end
