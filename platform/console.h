/* SPDX-License-Identifier: MIT */
/* The console: the program's stdin, stdout and stderr and Elfin's own log, each a stream of its own
 * on virtio-console ports, or all on one 16550 where there is nothing better. */
#ifndef PLATFORM_CONSOLE_H
#define PLATFORM_CONSOLE_H

#include "kernel/base/base.h"

enum console_stream { CONSOLE_OUT, CONSOLE_ERR, CONSOLE_LOG };

/* console_write: hand len bytes to a stream; one device notification for the whole call. Copies
 * data before returning; waits while the device's ring is full. Returns len. */
long console_write(enum console_stream stream, const void *data, size_t len);

/* console_read: up to cap bytes of input. Returns the count, 0 at end of input, -EAGAIN when there
 * is none now (console_set_notify tells when there is). */
long console_read(void *buf, size_t cap);

/* console_offer: as console_write, but takes only what there is room for. Returns how much, up to a
 * page as a whole or not at all; -EAGAIN nothing (console_set_notify tells when to try again). */
long console_offer(enum console_stream stream, const void *data, size_t len);

/* console_set_notify: called (from irq_poll) when input or its end arrived, or room for output. */
void console_set_notify(void (*ready)(void));

/* console_set_events: the host tool has a port for events; hook is called (from irq_poll) with the
 * bytes that arrive. Call before anything is written. console_start: events come from now on, which
 * else begins with the first output. */
void console_set_events(void (*hook)(const char *bytes, size_t len));
void console_start(void);

/* console_interrupts: the hook of console_set_notify is called; else whoever waits must look
 * again. */
bool console_interrupts(void);

/* console_flush: wait until every byte written has reached the device. */
void console_flush(void);

/* console_send_status: tell the host tool the exit status on the log stream ("\001exit N\n"),
 * flush. */
void console_send_status(int status);

/* console_init: pick the devices. Before it, output goes to the 16550. */
void console_init(void);

#endif
