/* SPDX-License-Identifier: MIT */
// sources: kernel/base/print.c kernel/base/string.c kernel/base/lock.c
/* The real log and panic with host ends: log text is kept in a buffer and printed when the test
 * ends in an unexpected panic; an expected one (EXPECT_PANIC) jumps back to the test. */
#include "test/fake/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/print.h"

jmp_buf *fake_panic_landing;
char fake_log[65536];
static size_t used;

static void keep(const char *text, size_t len)
{
    size_t room = sizeof(fake_log) - 1 - used;
    size_t take = len < room ? len : room;
    memcpy(fake_log + used, text, take);
    used += take;
    fake_log[used] = 0;
}

void fake_log_clear(void)
{
    used = 0;
    fake_log[0] = 0;
}

static void stop(void)
{
    if (fake_panic_landing != NULL) {
        longjmp(*fake_panic_landing, 1);
    }
    fputs(fake_log, stderr);
    abort();
}

__attribute__((constructor)) static void install(void)
{
    log_set_sink(keep);
    panic_set_stop(stop);
}
