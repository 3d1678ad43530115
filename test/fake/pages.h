/* SPDX-License-Identifier: MIT */
/* What a test may ask the fake frame allocator; its contract is platform/pages.h. */
#ifndef TEST_FAKE_PAGES_H
#define TEST_FAKE_PAGES_H

#include "platform/pages.h"

#define FAKE_RAM_FRAMES 16384UL /* 64 MiB */

void fake_pages_fail_after(unsigned long n); /* the nth allocation from now fails; 0: none */
bool fake_pages_failed(void); /* that failure has happened, or none was asked for */
/* at most that many in use; FAKE_RAM_FRAMES at first */
void fake_pages_limit(unsigned long frames);
long fake_pages_in_use(void); /* frames */

/* fake_pages_foreign: frame n < 1024 of RAM that is not the allocator's (as an initrd is). */
struct pa fake_pages_foreign(unsigned n);

#endif
