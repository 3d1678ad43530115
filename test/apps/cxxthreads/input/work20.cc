// SPDX-License-Identifier: MIT
// What C++20 adds to threads: threads that join and stop, latches, barriers, semaphores, waiting on
// atomics. Source: ISO/IEC 14882:2020, clauses 31 and 32.
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <latch>
#include <mutex>
#include <numeric>
#include <semaphore>
#include <stop_token>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

static void test_stop()
{
    std::atomic<int> stopped{0}, callbacks{0};
    std::mutex m;
    std::condition_variable_any never;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; i++)
            threads.emplace_back([&](std::stop_token token) {
                std::unique_lock lock(m);
                bool found = never.wait(lock, token, [] { return false; });
                stopped += !found && token.stop_requested();
            });
        std::this_thread::sleep_for(1ms);
    } // each is asked to stop, and joined
    std::stop_source source;
    std::stop_callback callback(source.get_token(), [&] { callbacks++; });
    std::vector<std::jthread> requesters;
    for (int i = 0; i < 4; i++)
        requesters.emplace_back([&] { source.request_stop(); });
    requesters.clear();
    std::printf("stopped %d callbacks %d\n", stopped.load(), callbacks.load());
}

static void test_latch()
{
    constexpr int n = 5;
    std::latch ready(n), go(1);
    std::atomic<int> early{0}, ran{0};
    std::atomic<bool> open{false};
    std::vector<std::jthread> threads;
    for (int i = 0; i < n; i++)
        threads.emplace_back([&] {
            ready.count_down();
            go.wait();
            early += !open;
            ran++;
        });
    ready.wait();
    open = true;
    go.count_down();
    threads.clear();
    std::printf("ran %d early %d latch %d\n", ran.load(), early.load(), ready.try_wait());
}

static void test_barrier()
{
    constexpr int n = 4, phases = 300;
    std::vector<long> cells(n, 1), sums;
    std::barrier barrier(
        n, [&]() noexcept { sums.push_back(std::reduce(cells.begin(), cells.end())); });
    std::vector<std::jthread> threads;
    for (int i = 0; i < n; i++)
        threads.emplace_back([&, i] {
            for (int phase = 0; phase < phases; phase++) {
                cells[i] += i;
                barrier.arrive_and_wait();
            }
            barrier.arrive_and_drop();
        });
    threads.clear();
    bool right = sums.size() == phases + 1;
    for (int phase = 0; phase < phases && right; phase++)
        right = sums[phase] == n + 6L * (phase + 1);
    std::printf("phases %zu right %d\n", sums.size(), right);
}

static void test_semaphores()
{
    std::counting_semaphore<3> places(3);
    std::atomic<int> inside{0}, most{0}, entries{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; i++)
            threads.emplace_back([&] {
                for (int k = 0; k < 200; k++) {
                    places.acquire();
                    int now = ++inside, old = most;
                    while (now > old && !most.compare_exchange_weak(old, now)) {
                    }
                    entries++;
                    inside--;
                    places.release();
                }
            });
    }
    std::printf("entries %d too many %d\n", entries.load(), most > 3);
    std::binary_semaphore ping(0), pong(0);
    int rounds = 0;
    {
        std::jthread other([&] {
            for (int i = 0; i < 1000; i++) {
                ping.acquire();
                rounds++;
                pong.release();
            }
        });
        for (int i = 0; i < 1000; i++) {
            ping.release();
            pong.acquire();
        }
    }
    std::printf("rounds %d again %d\n", rounds, pong.try_acquire_for(2ms));
}

static void test_atomic_wait()
{
    std::atomic<int> turn{0};
    std::atomic_flag done;
    long sum = 0;
    {
        std::vector<std::jthread> threads;
        for (int me = 0; me < 3; me++)
            threads.emplace_back([&, me] {
                for (int i = me; i < 900; i += 3) {
                    for (int now = turn; now != i; now = turn)
                        turn.wait(now);
                    sum = sum * 31 % 1000003 + i;
                    turn = i + 1;
                    turn.notify_all();
                }
                if (me == 2) {
                    done.test_and_set();
                    done.notify_all();
                }
            });
        done.wait(false);
    }
    int value = 5;
    std::atomic_ref ref(value);
    ref.fetch_add(2);
    std::printf("turns %d sum %ld ref %d\n", turn.load(), sum, value);
}

int main()
{
    test_stop();
    test_latch();
    test_barrier();
    test_semaphores();
    test_atomic_wait();
    return 0;
}
