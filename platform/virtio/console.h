/* SPDX-License-Identifier: MIT */
/* virtio-console with ports for stdin (1), stdout (2), stderr (3), log (4) and perhaps events (5);
 * or one port for all on devices without VIRTIO_CONSOLE_F_MULTIPORT. */
#ifndef PLATFORM_VIRTIO_CONSOLE_H
#define PLATFORM_VIRTIO_CONSOLE_H

#include "kernel/base/base.h"

#define VIRTIO_CONSOLE_OUTPUTS 3 /* streams: 0 stdout, 1 stderr, 2 log */

/* virtio_console_probe: is there a device? Touches nothing but its id. Returns 0 or -ENOENT. */
MUST_CHECK int virtio_console_probe(void);

/* virtio_console_write: copy data to the stream's buffers and notify the device once. Waits while
 * all buffers are with the device. The device is set up at the first use. Returns len, -ENODEV. */
long virtio_console_write(unsigned stream, const void *data, size_t len);

/* virtio_console_read: input that has arrived: its length, 0 at the end of input, -EAGAIN. */
long virtio_console_read(void *buf, size_t cap);

/* virtio_console_flush: wait until the device has taken everything. */
void virtio_console_flush(void);

/* virtio_console_offer: the same without waiting. Returns how much was taken: up to a page as a
 * whole or not at all; -EAGAIN nothing: the hook of virtio_console_set_notify tells when to try
 * again; -ENODEV. */
long virtio_console_offer(unsigned stream, const void *data, size_t len);

/* virtio_console_set_notify: called from irq_poll when input or its end arrived, or room for output
 * that was refused. */
void virtio_console_set_notify(void (*ready)(void));

/* virtio_console_set_events: there is a port for events; the hook is called from irq_poll with the
 * bytes that arrived. Call before the device's first use. */
void virtio_console_set_events(void (*hook)(const char *bytes, size_t len));

/* virtio_console_start: set the device up if nothing has yet. Returns 0, a negative errno. */
int virtio_console_start(void);

#endif
