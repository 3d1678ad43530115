/* SPDX-License-Identifier: MIT */
// args: one "two words" three
// env: FIRST=1 SECOND=two
/* What a program finds when it starts: the stack at entry, the auxiliary vector, its own segments,
 * the vDSO. Source: x86-64 psABI 3.4.1, getauxval(3), vdso(7). */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define PAGE 4096UL
#define NSEC 1000000000L

extern char **environ;
extern const Elf64_Ehdr __ehdr_start;

static char zeroes[3 * PAGE + 5];
static int initialised = 42;
static _Thread_local int tls_data = 7;
static _Thread_local int tls_zero;
static const char *const relocated = "read-only after relocation";

static bool writable(const void *p)
{
    return syscall(SYS_getrandom, p, 1, 0) == 1;
}

static void test_stack(int argc, char **argv)
{
    char **envp = argv + argc + 1;
    char *at = argv[0];
    int gaps = 0, n = 0;
    TRUE(((uintptr_t)argv - 8) % 16 == 0);
    TRUE(((long *)argv)[-1] == argc);
    TRUE(argv[argc] == NULL);
    TRUE(envp == environ);
    for (char **s = argv; s <= argv + argc || *s; s++) {
        if (!*s)
            continue;
        gaps += *s != at;
        at = *s + strlen(*s) + 1;
        n++;
    }
    SHOW(gaps); /* programs that set their title write over argv and envp as one buffer */
    TRUE(n > argc);
    TRUE(strcmp(at, (char *)getauxval(AT_EXECFN)) == 0);
}

static void test_auxv(void)
{
    char **e = environ;
    int unknown = 0, count = 0;
    unsigned long hwcap = 0; /* getauxval's is glibc's own idea */
    while (*e)
        e++;
    const Elf64_auxv_t *aux = (Elf64_auxv_t *)(e + 1);
    for (; aux->a_type != AT_NULL; aux++, count++) {
        unknown += aux->a_type > 64;
        if (aux->a_type == AT_HWCAP)
            hwcap = aux->a_un.a_val;
    }
    TRUE(count >= 18);
    SHOW(unknown);
    TRUE(getauxval(AT_RANDOM) > (uintptr_t)aux && !(getauxval(AT_PAGESZ) & 4095));
    const char *name = strrchr((char *)getauxval(AT_EXECFN), '/');
    TRUE(name && strncmp(name + 1, "start", 5) == 0);
    SHOW(getauxval(AT_FLAGS));
    TRUE((hwcap & 0x07000001) == 0x07000001); /* FPU, FXSR, SSE, SSE2 */
    TRUE((getauxval(AT_HWCAP2) & 1) == 0);
}

static void test_image(void)
{
    const Elf64_Phdr *p = (Elf64_Phdr *)getauxval(AT_PHDR);
    unsigned long n = getauxval(AT_PHNUM), loads = 0, dirty = 0;
    bool entry_inside = false;
    uintptr_t bias = 0;
    for (unsigned long i = 0; i < n; i++)
        if (p[i].p_type == PT_LOAD && p[i].p_offset == 0)
            bias = (uintptr_t)&__ehdr_start - p[i].p_vaddr;
    for (unsigned long i = 0; i < n; i++) {
        uintptr_t start = bias + p[i].p_vaddr;
        loads += p[i].p_type == PT_LOAD;
        if (p[i].p_type == PT_LOAD && (p[i].p_flags & PF_X))
            entry_inside |= getauxval(AT_ENTRY) - start < p[i].p_memsz;
    }
    TRUE(loads >= 1);
    TRUE(entry_inside);
    for (size_t i = 0; i < sizeof zeroes; i++)
        dirty += zeroes[i] != 0;
    SHOW(dirty);
    SHOW(initialised);
    SHOW(tls_data);
    SHOW(tls_zero);
    TRUE(writable(&initialised));
    TRUE(!writable((void *)test_image));
    TRUE(!writable(relocated));
    uintptr_t brk = (uintptr_t)syscall(SYS_brk, 0);
    TRUE((uintptr_t)syscall(SYS_brk, brk + 10000) == brk + 10000);
    TRUE(writable((char *)brk + 9999));
}

/* Look a symbol up in the vDSO as musl does: DT_HASH only, version LINUX_2.6. */
struct vdso {
    char *base, *strings;
    Elf64_Sym *symbols;
    uint32_t *hash;
    Elf64_Half *versions;
    Elf64_Verdef *definitions;
    bool gnu_hash;
    const char *soname;
};

static void find_table(struct vdso *v, const Elf64_Dyn *d)
{
    char *p = v->base + d->d_un.d_ptr;
    switch (d->d_tag) {
    case DT_STRTAB: v->strings = p; break;
    case DT_SYMTAB: v->symbols = (Elf64_Sym *)p; break;
    case DT_HASH: v->hash = (uint32_t *)p; break;
    case DT_VERSYM: v->versions = (Elf64_Half *)p; break;
    case DT_VERDEF: v->definitions = (Elf64_Verdef *)p; break;
    case DT_GNU_HASH: v->gnu_hash = true; break;
    }
}

static void open_vdso(struct vdso *v)
{
    *v = (struct vdso){.base = (char *)getauxval(AT_SYSINFO_EHDR)};
    Elf64_Ehdr *h = (Elf64_Ehdr *)v->base;
    Elf64_Phdr *p = (Elf64_Phdr *)(v->base + h->e_phoff);
    Elf64_Dyn *dynamic = NULL;
    for (int i = 0; i < h->e_phnum; i++)
        if (p[i].p_type == PT_DYNAMIC)
            dynamic = (Elf64_Dyn *)(v->base + p[i].p_vaddr);
    for (Elf64_Dyn *d = dynamic; d && d->d_tag; d++)
        find_table(v, d);
    for (Elf64_Dyn *d = dynamic; d && d->d_tag; d++)
        if (d->d_tag == DT_SONAME)
            v->soname = v->strings + d->d_un.d_val;
}

static bool right_version(const struct vdso *v, uint32_t symbol)
{
    Elf64_Verdef *d = v->definitions;
    while ((d->vd_flags & VER_FLG_BASE) || (d->vd_ndx & 0x7fff) != (v->versions[symbol] & 0x7fff)) {
        if (!d->vd_next)
            return false;
        d = (Elf64_Verdef *)((char *)d + d->vd_next);
    }
    Elf64_Verdaux *aux = (Elf64_Verdaux *)((char *)d + d->vd_aux);
    return strcmp(v->strings + aux->vda_name, "LINUX_2.6") == 0;
}

static void *find(const struct vdso *v, const char *name)
{
    for (uint32_t i = 0; v->hash && i < v->hash[1]; i++) {
        const Elf64_Sym *s = &v->symbols[i];
        if (s->st_shndx && strcmp(v->strings + s->st_name, name) == 0 && right_version(v, i))
            return v->base + s->st_value;
    }
    return NULL;
}

static long difference_ns(const struct timespec *a, const struct timespec *b)
{
    return (a->tv_sec - b->tv_sec) * NSEC + a->tv_nsec - b->tv_nsec;
}

static void test_clock(int (*get)(int, struct timespec *), int clock)
{
    struct timespec before, fast, after;
    syscall(SYS_clock_gettime, clock, &before);
    int err = get(clock, &fast);
    syscall(SYS_clock_gettime, clock, &after);
    bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
    long slack = coarse ? NSEC / 50 : 0; /* one tick of a slow Linux */
    bool between =
        difference_ns(&fast, &before) >= -slack && difference_ns(&after, &fast) >= -slack;
    bool valid = fast.tv_nsec >= 0 && fast.tv_nsec < NSEC;
    printf("clock %d: %d, %s, %s\n", clock, err, between ? "agrees" : "DIFFERS",
           valid ? "valid" : "INVALID");
}

static void test_vdso(void)
{
    struct vdso v;
    unsigned cpu = 77, node = 77;
    struct timeval tv;
    struct timespec res, now;
    open_vdso(&v);
    printf("soname %s\n", v.soname);
    TRUE(((uintptr_t)v.base & (PAGE - 1)) == 0);
    TRUE(v.gnu_hash || v.hash);
    int (*gettime)(int, struct timespec *) = find(&v, "__vdso_clock_gettime");
    int (*getres)(int, struct timespec *) = find(&v, "__vdso_clock_getres");
    int (*tod)(struct timeval *, void *) = find(&v, "__vdso_gettimeofday");
    long (*seconds)(long *) = find(&v, "__vdso_time");
    long (*getcpu)(unsigned *, unsigned *, void *) = find(&v, "__vdso_getcpu");
    TRUE(find(&v, "clock_gettime") == gettime && find(&v, "time") == seconds);
    TRUE(find(&v, "no_such_symbol") == NULL);
    static const int clocks[] = {0, 1, 2, 3, 4, 5, 6, 7, 11};
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++)
        test_clock(gettime, clocks[i]);
    SHOW(gettime(99, &now));
    SHOW(gettime(31, &now));
    SHOW(getres(CLOCK_MONOTONIC, &res));
    SHOW(res.tv_nsec);
    SHOW(getres(CLOCK_REALTIME, NULL));
    SHOW(getres(99, &res));
    SHOW(tod(&tv, NULL));
    clock_gettime(CLOCK_REALTIME, &now);
    TRUE(now.tv_sec - tv.tv_sec <= 1 && tv.tv_usec < 1000000);
    SHOW(tod(NULL, NULL));
    TRUE(now.tv_sec - seconds(NULL) <= 1);
    SHOW(getcpu(&cpu, &node, NULL));
    TRUE(cpu < 1024 && node < 64);
    SHOW(getcpu(NULL, NULL, NULL));
    TRUE(!writable(v.base));
}

/* A clock never goes back, also between the vDSO and the call. */
static void test_monotonic(void)
{
    struct timespec last = {0, 0}, now;
    int backwards = 0;
    for (int i = 0; i < 20000; i++) {
        if (i % 16 == 0)
            syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
        else
            clock_gettime(CLOCK_MONOTONIC, &now);
        backwards += difference_ns(&now, &last) < 0;
        last = now;
    }
    SHOW(backwards);
}

int main(int argc, char **argv)
{
    test_stack(argc, argv);
    test_auxv();
    test_image();
    test_vdso();
    test_monotonic();
    return 0;
}
