/* SPDX-License-Identifier: MIT */
/* Log and panic on the host: see log.c; EXPECT_PANIC is in test/unit/check.h. */
#ifndef TEST_FAKE_LOG_H
#define TEST_FAKE_LOG_H

#include <setjmp.h>

extern jmp_buf *fake_panic_landing; /* NULL: a panic ends the test */
extern char fake_log[]; /* all log text since the last fake_log_clear, NUL-ended */
void fake_log_clear(void);

#endif
