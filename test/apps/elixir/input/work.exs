# SPDX-License-Identifier: MIT
# What Elixir adds to Erlang: compiling and loading modules at run time, protocols, structs, streams,
# tasks, agents, supervisors and its own test framework.

defmodule Shape do
  defstruct [:name, sides: 0]

  defimpl String.Chars do
    def to_string(s), do: "#{s.name}/#{s.sides}"
  end
end

defmodule Counter do
  use GenServer
  def init(n), do: {:ok, n}
  def handle_call(:next, _, n), do: {:reply, n, n + 1}
  def handle_cast(:crash, _), do: exit(:shutdown)
end

defmodule Macros do
  defmacro twice(x), do: quote(do: unquote(x) * 2)
end

defmodule Work do
  require Macros

  def primes(n) do
    Stream.iterate(2, &(&1 + 1))
    |> Stream.filter(fn x -> Enum.all?(2..x, &(&1 * &1 > x or rem(x, &1) != 0 or &1 == x)) end)
    |> Enum.take(n)
  end

  def main do
    IO.puts("struct #{struct(Shape, name: "cube", sides: 6)}, macro #{Macros.twice(21)}")
    IO.puts("primes #{inspect(primes(12))}")

    tasks = Task.async_stream(1..16, fn n -> Enum.sum(1..(n * 10_000)) end, ordered: true)
    IO.puts("tasks #{tasks |> Enum.map(fn {:ok, x} -> x end) |> Enum.sum()}")

    {:ok, agent} = Agent.start_link(fn -> %{} end)
    1..200 |> Enum.map(&Task.async(fn -> Agent.update(agent, fn m -> Map.put(m, rem(&1, 7), &1) end) end))
    |> Task.await_many()
    IO.puts("agent #{Agent.get(agent, &map_size/1)}")

    child = %{id: Counter, start: {GenServer, :start_link, [Counter, 5, [name: Counter]]}}
    {:ok, _} = Supervisor.start_link([child], strategy: :one_for_one)
    [a, b] = [GenServer.call(Counter, :next), GenServer.call(Counter, :next)]
    monitor = Process.monitor(Counter)
    GenServer.cast(Counter, :crash)
    receive do: ({:DOWN, ^monitor, _, _, why} -> IO.puts("down #{why}"))

    again = Stream.repeatedly(fn -> Process.sleep(1) && Process.whereis(Counter) end) |> Enum.find(& &1)
    IO.puts("supervised #{a} #{b} #{GenServer.call(again, :next)}")

    File.write!("out.txt", for(i <- 1..2000, do: "#{i}\n"))
    lines = File.stream!("out.txt") |> Stream.map(&String.trim/1) |> Enum.map(&String.to_integer/1)
    IO.puts("file #{Enum.sum(lines)} #{inspect(File.read("none"))}")
    IO.puts("unicode #{String.upcase("ärger, ñandú")} #{String.length("e\u0301tude")}")
    {value, _} = Code.eval_string("for x <- 1..5, rem(x, 2) == 1, do: x * y", y: 10)
    IO.puts("eval #{inspect(value)}")

    try do
      Enum.fetch!([], 1)
    rescue
      e -> IO.puts("rescued #{inspect(e.__struct__)}")
    end

    System.halt(4)
  end
end

Work.main()
