/* SPDX-License-Identifier: MIT */
/* Mappings, the heap, and code that changes while it runs. Source: mmap(2), mprotect(2),
 * madvise(2), mremap(2), memfd_create(2). */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test/stress/mixed.h"

#define PAGE 4096UL
#define SLOTS 8
#define STEPS 40
#define BLOCKS 32
#define CODE_CHANGES 100

struct slot {
    unsigned char *at;
    size_t len;
    unsigned char mark;
};

static void fill(struct worker *w, struct slot *s)
{
    s->len = PAGE * (1 + mixed_random(w, 64));
    s->at = mmap(NULL, s->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(w, s->at != MAP_FAILED);
    s->mark = (unsigned char)(1 + mixed_random(w, 255));
    for (size_t i = 0; i < s->len; i += PAGE) {
        MUST(w, s->at[i] == 0 && s->at[i + PAGE - 1] == 0);
        s->at[i] = s->at[i + PAGE - 1] = s->mark;
    }
}

static void check_marks(struct worker *w, const struct slot *s)
{
    for (size_t i = 0; i < s->len; i += PAGE)
        MUST(w, s->at[i] == s->mark && s->at[i + PAGE - 1] == s->mark);
}

static void change(struct worker *w, struct slot *s)
{
    void *moved;
    switch (mixed_random(w, 4)) {
    case 0:
        MUST(w, mprotect(s->at, s->len, PROT_READ) == 0);
        check_marks(w, s);
        MUST(w, mprotect(s->at, s->len, PROT_READ | PROT_WRITE) == 0);
        break;
    case 1:
        MUST(w, madvise(s->at, s->len, MADV_DONTNEED) == 0);
        for (size_t i = 0; i < s->len; i += PAGE) {
            MUST(w, s->at[i] == 0);
            s->at[i] = s->at[i + PAGE - 1] = s->mark;
        }
        break;
    case 2:
        moved = mremap(s->at, s->len, s->len + 4 * PAGE, MREMAP_MAYMOVE);
        MUST(w, moved != MAP_FAILED);
        s->at = moved;
        MUST(w, s->at[s->len] == 0);
        MUST(w, munmap(s->at + s->len, 4 * PAGE) == 0);
        break;
    default:
        s->mark ^= 0xff;
        for (size_t i = 0; i < s->len; i += PAGE)
            s->at[i] = s->at[i + PAGE - 1] = s->mark;
        break;
    }
}

void memory_map(struct worker *w)
{
    struct slot slots[SLOTS] = {{NULL, 0, 0}};
    for (int n = 0; n < STEPS; n++) {
        struct slot *s = &slots[mixed_random(w, SLOTS)];
        if (s->at == NULL) {
            fill(w, s);
            continue;
        }
        change(w, s);
        check_marks(w, s);
        if (mixed_random(w, 3) == 0) {
            MUST(w, munmap(s->at, s->len) == 0);
            s->at = NULL;
        }
    }
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].at != NULL)
            munmap(slots[i].at, slots[i].len);
}

void memory_heap(struct worker *w)
{
    unsigned char *blocks[BLOCKS] = {NULL};
    size_t lens[BLOCKS] = {0};
    for (int n = 0; n < 4 * BLOCKS; n++) {
        unsigned i = mixed_random(w, BLOCKS);
        unsigned char mark = (unsigned char)(i + 1);
        if (blocks[i] != NULL)
            MUST(w, blocks[i][0] == mark && blocks[i][lens[i] / 2] == mark &&
                        blocks[i][lens[i] - 1] == mark);
        free(blocks[i]);
        lens[i] = 1 + mixed_random(w, mixed_random(w, 8) == 0 ? 300000 : 3000);
        blocks[i] = malloc(lens[i]);
        MUST(w, blocks[i] != NULL);
        memset(blocks[i], mark, lens[i]);
    }
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

/* Two threads that write to their halves of each page, while a third takes rights away and gives
 * them back elsewhere in the same region. */
struct shared {
    struct worker *w;
    unsigned char *at;
};

static void *write_halves(void *arg)
{
    struct shared *s = arg;
    for (int n = 1; n <= 20; n++)
        for (size_t i = 0; i < 16; i++) {
            unsigned char *half = s->at + i * PAGE;
            memset(half, n, PAGE / 2);
            MUST(s->w, half[0] == n && half[PAGE / 2 - 1] == n);
        }
    return NULL;
}

void memory_shared(struct worker *w)
{
    unsigned char *at =
        mmap(NULL, 24 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(w, at != MAP_FAILED);
    struct shared halves[2] = {{w, at}, {w, at + PAGE / 2}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        threads[i] = mixed_start(w, write_halves, &halves[i]);
    for (int n = 0; n < 20; n++) {
        MUST(w, mprotect(at + 16 * PAGE, 8 * PAGE, PROT_NONE) == 0);
        MUST(w, mprotect(at + 16 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE) == 0);
        at[(16 + n % 8) * PAGE] = 1;
    }
    for (int i = 0; i < 2; i++)
        mixed_join(w, threads[i]);
    for (size_t i = 0; i < 16; i++)
        MUST(w, at[i * PAGE] == 20 && at[i * PAGE + PAGE - 1] == 20);
    MUST(w, munmap(at, 24 * PAGE) == 0);
}

/* A function that returns a number, written through one mapping and run through another. While it
 * changes nobody runs it, and who runs it next serialises first. Source: Intel SDM vol. 3, 9.1.3
 * (cross-modifying code). */
struct code {
    struct worker *w;
    uint32_t (*run)(void);
    atomic_uint wanted, running; /* numbers: the runner waits between the two */
};

static void serialise(void)
{
    unsigned a = 0, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d)::"memory");
}

static void *run_code(void *arg)
{
    struct code *c = arg;
    for (unsigned n = 1; n <= CODE_CHANGES; n++) {
        while (atomic_load(&c->wanted) < n)
            sched_yield();
        serialise();
        for (int i = 0; i < 100; i++)
            MUST(c->w, c->run() == n);
        atomic_store(&c->running, n);
    }
    return NULL;
}

void memory_code(struct worker *w)
{
    /* nop; nop; nop; mov $0, %eax, whose number is aligned; ret */
    static const unsigned char text[] = {0x90, 0x90, 0x90, 0xb8, 0, 0, 0, 0, 0xc3};
    int fd = memfd_create("code", 0);
    MUST(w, fd >= 0 && ftruncate(fd, PAGE) == 0);
    unsigned char *data = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    void *run = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    MUST(w, data != MAP_FAILED && run != MAP_FAILED && close(fd) == 0);
    memcpy(data, text, sizeof text);
    struct code c = {.w = w, .run = (uint32_t(*)(void))run};
    pthread_t thread = mixed_start(w, run_code, &c);
    for (uint32_t n = 1; n <= CODE_CHANGES; n++) {
        __atomic_store_n((uint32_t *)(void *)(data + 4), n, __ATOMIC_SEQ_CST);
        serialise();
        MUST(w, c.run() == n);
        atomic_store(&c.wanted, n);
        while (atomic_load(&c.running) < n)
            sched_yield();
    }
    mixed_join(w, thread);
    MUST(w, munmap(data, PAGE) == 0 && munmap(run, PAGE) == 0);
}
