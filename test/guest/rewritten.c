/* SPDX-License-Identifier: MIT */
/* Threads that come to the same code at the same time, page after page of it full of system calls:
 * whatever is done to a call that is met for the first time, each executes it as it stands.
 * Source: getppid(2). */
// cflags: -pthread
// cpus: 2 4
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "test/guest/codecall.h"
#include "test/guest/show.h"

#define PAGE 4096
#define SLOT 16
#define SLOTS (PAGE / SLOT)
#define SHIFT 4 /* so that the instruction before the call crosses a word's end */
#define PAGES 32
#define THREADS 4

/* A function in each slot of each page, with what tools need to find it. */
__asm__(".text\n.balign 4096\ncode:\n"
        ".rept 32 * 256\n" /* PAGES * SLOTS */
        "int3\nint3\nint3\nint3\n"
        ".cfi_startproc\n"
        "mov $110, %eax\n"
        "syscall\n"
        "ret\n"
        ".cfi_endproc\n"
        ".balign 16, 0xcc\n"
        ".endr\n");
extern const uint8_t code[];

static pthread_barrier_t barrier;
static long expected;

static void *execute(void *first)
{
    intptr_t wrong = 0;
    for (intptr_t page = 0; page < PAGES; page++) {
        pthread_barrier_wait(&barrier);
        for (intptr_t i = 0; i < 4 * SLOTS; i++) {
            intptr_t slot = ((intptr_t)first + i) % SLOTS;
            wrong += code_call(code + page * PAGE + slot * SLOT + SHIFT) != expected;
        }
    }
    return (void *)wrong;
}

int main(void)
{
    pthread_t t[THREADS];
    intptr_t wrong = 0;
    expected = getppid();
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (intptr_t i = 0; i < THREADS; i++)
        SHOW(pthread_create(&t[i], NULL, execute, (void *)(i * SLOTS / THREADS)));
    for (int i = 0; i < THREADS; i++) {
        void *result;
        SHOW(pthread_join(t[i], &result));
        wrong += (intptr_t)result;
    }
    SHOW(wrong);
    return 0;
}
