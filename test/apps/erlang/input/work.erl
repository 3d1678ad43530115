%% Processes, messages, links, timers, binaries, tables, files; schedulers on every processor.
-module(work).
-export([main/0]).

ring(0, First) -> First;
ring(N, Next) -> ring(N - 1, spawn(fun() -> pass(Next) end)).

pass(Next) ->
    receive
        stop -> Next ! stop;
        X -> Next ! X + 1, pass(Next)
    end.

turns(0, Head, Last) -> Head ! stop, receive stop -> Last end;
turns(N, Head, X) -> Head ! X, receive Y -> turns(N - 1, Head, Y) end.

fib(N) when N < 2 -> N;
fib(N) -> fib(N - 1) + fib(N - 2).

pmap(F, List) ->
    Me = self(),
    Refs = [begin R = make_ref(), spawn_link(fun() -> Me ! {R, F(X)} end), R end || X <- List],
    [receive {R, V} -> V end || R <- Refs].

main() ->
    io:format("ring ~p~n", [turns(20, ring(1000, self()), 0)]),
    io:format("parallel ~p~n", [pmap(fun fib/1, lists:duplicate(8, 20))]),
    process_flag(trap_exit, true),
    P = spawn_link(fun() -> exit(reason) end),
    receive {'EXIT', P, Why} -> io:format("exit ~p~n", [Why]) end,
    {Q, Ref} = spawn_monitor(fun() -> error_logger:tty(false), erlang:error(badarith) end),
    receive {'DOWN', Ref, process, Q, {E, _}} -> io:format("down ~p~n", [E]) end,
    erlang:send_after(40, self(), late),
    erlang:send_after(5, self(), early),
    io:format("timers ~p~n", [[receive M when is_atom(M) -> M end, receive M2 when is_atom(M2) -> M2 end]]),
    T = ets:new(t, [public, {write_concurrency, true}]),
    pmap(fun(I) -> [ets:update_counter(T, I rem 3, 1, {I rem 3, 0}) || _ <- lists:seq(1, 1000)], ok end,
         lists:seq(0, 11)),
    io:format("table ~p~n", [lists:sort(ets:tab2list(T))]),
    Big = binary:copy(<<"elfin">>, 100000),
    io:format("binary ~p ~p~n", [erlang:md5(zlib:uncompress(zlib:compress(Big))), erlang:crc32(Big)]),
    ok = file:write_file("out.txt", [integer_to_list(N) ++ "\n" || N <- lists:seq(1, 5000)]),
    {ok, Text} = file:read_file("out.txt"),
    io:format("file ~p ~p~n", [byte_size(Text), file:read_file("none")]),
    io:format("big ~p~n", [lists:foldl(fun(A, B) -> A * B end, 1, lists:seq(1, 60))]),
    pmap(fun(N) -> length([{I, N} || I <- lists:seq(1, 50000)]) end, [1, 2, 3, 4]),
    erlang:garbage_collect(),
    halt(3).
