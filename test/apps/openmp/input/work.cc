// SPDX-License-Identifier: MIT
// OpenMP: loops under every schedule, reductions, tasks, sections, locks, nested teams, affinity.
#include <omp.h>

#include <cmath>
#include <cstdio>
#include <vector>

static long fib(int n)
{
    if (n < 2)
        return n;
    long a, b;
#pragma omp task shared(a) if (n > 12)
    a = fib(n - 1);
#pragma omp task shared(b) if (n > 12)
    b = fib(n - 2);
#pragma omp taskwait
    return a + b;
}

static long schedules()
{
    const int n = 20000;
    long total = 0;
    std::vector<int> hits(n);
#pragma omp parallel for schedule(static, 7) reduction(+ : total)
    for (int i = 0; i < n; i++)
        total += ++hits[i];
#pragma omp parallel for schedule(dynamic, 11) reduction(+ : total)
    for (int i = 0; i < n; i++)
        total += ++hits[i];
#pragma omp parallel for schedule(guided) reduction(+ : total)
    for (int i = 0; i < n; i++)
        total += ++hits[i];
#pragma omp parallel for schedule(runtime) reduction(+ : total)
    for (int i = 0; i < n; i++)
        total += ++hits[i];
    return total;
}

static void matrix()
{
    const int n = 160;
    std::vector<double> a(n * n), b(n * n), c(n * n);
    double norm = 0;
#pragma omp parallel
    {
#pragma omp for collapse(2)
        for (int i = 0; i < n; i++)
            for (int k = 0; k < n; k++)
                a[i * n + k] = i + k, b[i * n + k] = i == k;
#pragma omp for
        for (int i = 0; i < n; i++)
            for (int k = 0; k < n; k++)
                for (int j = 0; j < n; j++)
                    c[i * n + j] += a[i * n + k] * b[k * n + j];
#pragma omp for reduction(max : norm)
        for (int i = 0; i < n * n; i++)
            norm = std::fmax(norm, std::fabs(c[i] - a[i]));
    }
    printf("matrix %g\n", norm);
}

static void nest_and_depend()
{
    omp_set_max_active_levels(2);
    int nested = 0;
#pragma omp parallel num_threads(3) reduction(+ : nested)
    {
        int inner = 0;
#pragma omp parallel num_threads(2) reduction(+ : inner)
        inner += omp_get_level() == 2 && omp_get_num_threads() == 2;
        nested += inner;
    }
    printf("nested %d\n", nested);
    std::vector<int> order;
#pragma omp parallel
#pragma omp single
    for (int i = 0; i < 20; i++) {
#pragma omp task depend(inout : order) firstprivate(i)
        order.push_back(i);
    }
    printf("dependent %zu %d\n", order.size(), order[19]);
}

int main()
{
    omp_set_dynamic(0);
    int team = 0, threads[4] = {0}, ordered[40], at = 0, sections = 0;
    long atomic = 0, critical = 0, locked = 0, result = 0;
    omp_lock_t lock;
    omp_init_lock(&lock);
#pragma omp parallel num_threads(4)
    {
#pragma omp single
        team = omp_get_num_threads();
        threads[omp_get_thread_num()]++;
        for (int i = 0; i < 1000; i++) {
#pragma omp atomic
            atomic++;
#pragma omp critical
            critical++;
            omp_set_lock(&lock);
            locked++;
            omp_unset_lock(&lock);
        }
        for (int round = 0; round < 200; round++) {
#pragma omp barrier
        }
#pragma omp for ordered schedule(dynamic)
        for (int i = 0; i < 40; i++) {
#pragma omp ordered
            ordered[at++] = i;
        }
#pragma omp sections reduction(+ : sections)
        {
#pragma omp section
            sections += 1;
#pragma omp section
            sections += 10;
#pragma omp section
            sections += 100;
        }
#pragma omp single
        result = fib(22);
    }
    printf("team %d %d%d%d%d\n", team, threads[0], threads[1], threads[2], threads[3]);
    printf("atomic %ld critical %ld locked %ld\n", atomic, critical, locked);
    bool in_order = at == 40;
    for (int i = 0; i < 40; i++)
        in_order &= ordered[i] == i;
    printf("ordered %d sections %d fib %ld\n", in_order, sections, result);
    printf("schedules %ld\n", schedules());
    matrix();
    nest_and_depend();
    omp_destroy_lock(&lock);
    return 0;
}
