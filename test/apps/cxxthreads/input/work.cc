// SPDX-License-Identifier: MIT
// Threads of C++17: mutexes, conditions, atomics, futures, exceptions that cross threads, and
// objects that a thread owns. Source: ISO/IEC 14882:2017, clauses 32 and 33.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <future>
#include <mutex>
#include <numeric>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

static void run(int n, void (*work)(int))
{
    std::vector<std::thread> threads;
    for (int i = 0; i < n; i++)
        threads.emplace_back(work, i);
    for (auto &t : threads)
        t.join();
}

static std::mutex mutex;
static std::recursive_mutex recursive;
static std::timed_mutex timed;
static long counted, nested;
static std::atomic<long> added{0}, compared{0};
static std::atomic_flag flag = ATOMIC_FLAG_INIT;
static long flagged;

static void count(int i)
{
    for (int k = 0; k < 5000; k++) {
        {
            std::scoped_lock both(mutex, timed);
            counted += i;
        }
        added.fetch_add(i, std::memory_order_relaxed);
        long old = compared.load();
        while (!compared.compare_exchange_weak(old, old + i)) {
        }
        std::lock_guard outer(recursive);
        std::lock_guard inner(recursive);
        nested++;
        if (k % 10 == 0) {
            while (flag.test_and_set(std::memory_order_acquire))
                std::this_thread::yield();
            flagged++;
            flag.clear(std::memory_order_release);
        }
    }
}

static void test_locks()
{
    run(4, count);
    std::printf("counted %ld added %ld compared %ld nested %ld flagged %ld\n", counted,
                added.load(), compared.load(), nested, flagged);
    std::unique_lock held(timed);
    bool got = std::async(std::launch::async, [] { return timed.try_lock_for(20ms); }).get();
    std::printf("timed lock taken twice: %d\n", got);
}

// A bounded queue between producers and consumers.
class queue
{
  public:
    void put(int v)
    {
        std::unique_lock lock(mutex);
        room.wait(lock, [this] { return items.size() < 8; });
        items.push_back(v);
        filled.notify_one();
    }
    int take()
    {
        std::unique_lock lock(mutex);
        filled.wait(lock, [this] { return !items.empty(); });
        int v = items.front();
        items.pop_front();
        room.notify_one();
        return v;
    }

  private:
    std::mutex mutex;
    std::condition_variable room, filled;
    std::deque<int> items;
};

static queue work_queue;
static std::atomic<long> taken{0};

static void produce_or_consume(int i)
{
    for (int k = 0; k < 3000; k++) {
        if (i % 2 == 0)
            work_queue.put(k);
        else
            taken += work_queue.take();
    }
}

static void test_conditions()
{
    run(6, produce_or_consume);
    std::printf("taken %ld\n", taken.load());
    std::mutex m;
    std::condition_variable_any never;
    std::unique_lock lock(m);
    auto how = never.wait_for(lock, 5ms);
    std::printf("nobody notifies: %s\n", how == std::cv_status::timeout ? "timeout" : "woken");
}

static std::shared_mutex shared;
static long first_half, second_half;
static std::atomic<int> torn{0};

static void read_or_write(int i)
{
    for (int k = 0; k < 2000; k++) {
        if (i == 0) {
            std::unique_lock lock(shared);
            first_half++;
            second_half--;
        } else {
            std::shared_lock lock(shared);
            torn += first_half + second_half != 0;
        }
    }
}

static long sum(const std::vector<int> &v, size_t from, size_t to)
{
    if (to - from < 5000)
        return std::accumulate(v.begin() + (long)from, v.begin() + (long)to, 0L);
    auto left = std::async(std::launch::async, sum, std::cref(v), from, (from + to) / 2);
    long right = sum(v, (from + to) / 2, to);
    return left.get() + right;
}

static void test_futures()
{
    std::vector<int> v(100000);
    std::iota(v.begin(), v.end(), 1);
    std::printf("sum %ld\n", sum(v, 0, v.size()));
    auto lazy = std::async(std::launch::deferred, [] { return std::this_thread::get_id(); });
    std::printf("deferred runs here: %d\n", lazy.get() == std::this_thread::get_id());
    std::promise<std::string> promise;
    auto shared_future = promise.get_future().share();
    std::vector<std::future<size_t>> lengths;
    for (int i = 0; i < 4; i++)
        lengths.push_back(
            std::async(std::launch::async, [shared_future] { return shared_future.get().size(); }));
    promise.set_value("twelve bytes");
    for (auto &l : lengths)
        std::printf("length %zu\n", l.get());
    std::packaged_task<int(int)> task([](int x) { return x * x; });
    auto square = task.get_future();
    std::thread(std::move(task), 12).join();
    std::printf("square %d\n", square.get());
}

struct deep {
    std::atomic<int> &gone;
    ~deep()
    {
        gone++;
    }
};

static void dive(int depth, std::atomic<int> &gone)
{
    deep d{gone};
    if (depth == 0)
        throw std::out_of_range("bottom");
    dive(depth - 1, gone);
}

static void test_exceptions()
{
    std::atomic<int> gone{0}, caught{0};
    std::vector<std::future<void>> futures;
    for (int i = 0; i < 8; i++)
        futures.push_back(std::async(std::launch::async, [&gone, i] { dive(i * 10, gone); }));
    for (auto &f : futures) {
        try {
            f.get();
        } catch (const std::out_of_range &e) {
            caught += std::string(e.what()) == "bottom";
        }
    }
    std::printf("caught %d unwound %d\n", caught.load(), gone.load());
    std::exception_ptr kept;
    std::thread([&kept] {
        try {
            throw std::runtime_error("kept");
        } catch (...) {
            kept = std::current_exception();
        }
    }).join();
    try {
        std::rethrow_exception(kept);
    } catch (const std::runtime_error &e) {
        std::printf("rethrown here: %s\n", e.what());
    }
    std::future<int> broken;
    {
        std::promise<int> p;
        broken = p.get_future();
    }
    try {
        broken.get();
    } catch (const std::future_error &e) {
        std::printf("broken promise: %d\n", e.code() == std::future_errc::broken_promise);
    }
}

static std::atomic<int> made{0}, destroyed{0};

struct owned {
    int value = ++made > 0;
    ~owned()
    {
        destroyed += value;
    }
};

static thread_local owned first, second;
static std::once_flag once;
static std::atomic<int> once_calls{0}, once_throws{0};

static void own(int i)
{
    first.value = i;
    second.value = 100;
    try {
        std::call_once(once, [] {
            if (once_throws++ == 0)
                throw 1;
            once_calls++;
        });
    } catch (int) {
        std::call_once(once, [] { once_calls++; });
    }
}

int main()
{
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    test_locks();
    test_conditions();
    run(4, read_or_write);
    std::printf("written %ld torn %d\n", first_half, torn.load());
    test_futures();
    test_exceptions();
    run(16, own);
    std::printf("made %d destroyed %d\n", made.load(), destroyed.load());
    std::printf("once %d\n", once_calls.load());
    std::thread([] { std::this_thread::sleep_for(1ms); }).detach();
    return 0;
}
