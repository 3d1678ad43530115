/* SPDX-License-Identifier: MIT */
/* What one thread can ask about itself: ids, robust list, futex without a partner, scheduling.
 * Source: the manual page of each call. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD_POINTER ((void *)8)
#define BAD_TID 9999999

static uint32_t word = 5, other = 6;

static void test_ids(void)
{
    static int tid;
    void *head;
    size_t len;
    TRUE(syscall(SYS_gettid) == getpid());
    TRUE(syscall(SYS_set_tid_address, &tid) == getpid());
    struct {
        void *next;
        long offset;
        void *pending;
    } list = {&list, 0, NULL};
    SHOW(syscall(SYS_set_robust_list, &list, 24));
    SHOW(syscall(SYS_set_robust_list, &list, 23));
    SHOW(syscall(SYS_get_robust_list, 0, &head, &len));
    TRUE(head == &list && len == 24);
    SHOW(syscall(SYS_get_robust_list, BAD_TID, &head, &len));
    SHOW(syscall(SYS_get_robust_list, 0, BAD_POINTER, &len));
    SHOW(syscall(SYS_set_robust_list, NULL, 24));
}

static long elapsed_ms(const struct timespec *since)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

static void test_futex(void)
{
    struct timespec start, wait = {0, 30000000}, wrong = {0, 1000000000}, absolute;
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 4, NULL, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 4, NULL, NULL, 0));
    clock_gettime(CLOCK_MONOTONIC, &start);
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, &wait, NULL, 0));
    TRUE(elapsed_ms(&start) >= 30 && elapsed_ms(&start) < 5000);
    clock_gettime(CLOCK_MONOTONIC, &absolute);
    absolute.tv_nsec += 20000000;
    absolute.tv_sec += absolute.tv_nsec / 1000000000;
    absolute.tv_nsec %= 1000000000;
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 5, &absolute, NULL, ~0U));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 5, &absolute, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 5, &absolute,
                 NULL, ~0U));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 5, &wrong, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAIT, 5, BAD_POINTER, NULL, 0));
    SHOW(syscall(SYS_futex, BAD_POINTER, FUTEX_WAIT, 5, &wait, NULL, 0));
    SHOW(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 5, &wait, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0));
    SHOW(syscall(SYS_futex, (char *)&word + 2, FUTEX_WAKE, 1, NULL, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_REQUEUE, 1, 1L, &other, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1L, &other, 5));
    SHOW(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1L, &other, 6));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
    SHOW(syscall(SYS_futex, &word, FUTEX_WAKE_OP, 1, 1L, &other, FUTEX_OP(FUTEX_OP_ADD, 3, 0, 0)));
    SHOW(other);
    SHOW(syscall(SYS_futex, &word, 100, 0, NULL, NULL, 0));
}

static void test_scheduling(void)
{
    struct sched_param param = {.sched_priority = 7};
    cpu_set_t set;
    uint64_t small = 0;
    SHOW(sched_yield());
    SHOW(syscall(SYS_sched_getscheduler, 0));
    SHOW(syscall(SYS_sched_getparam, 0, &param));
    SHOW(param.sched_priority);
    SHOW(syscall(SYS_sched_setparam, 0, &param));
    SHOW(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param));
    param.sched_priority = 1;
    SHOW(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param));
    SHOW(syscall(SYS_sched_setscheduler, 0, 77, &param));
    SHOW(syscall(SYS_sched_getscheduler, BAD_TID));
    SHOW(syscall(SYS_sched_getscheduler, -1));
    SHOW(syscall(SYS_sched_getparam, 0, NULL));
    SHOW(sched_get_priority_max(SCHED_OTHER));
    SHOW(sched_get_priority_min(SCHED_FIFO));
    SHOW(sched_get_priority_max(SCHED_RR));
    SHOW(sched_get_priority_max(77));
    TRUE(syscall(SYS_sched_getaffinity, 0, sizeof set, &set) > 0);
    TRUE(CPU_ISSET(sched_getcpu(), &set));
    SHOW(syscall(SYS_sched_getaffinity, 0, 7, &set));
    SHOW(syscall(SYS_sched_getaffinity, BAD_TID, sizeof set, &set));
    SHOW_ERR(syscall(SYS_sched_getaffinity, 0, 8, &small));
    SHOW(syscall(SYS_sched_setaffinity, 0, 8, &small));
    small = 0;
    SHOW(syscall(SYS_sched_setaffinity, 0, 8, &small));
    SHOW_ERR(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0));
    SHOW(syscall(SYS_membarrier, 1 << 30, 0, 0));
}

int main(void)
{
    test_ids();
    test_futex();
    test_scheduling();
    return 0;
}
