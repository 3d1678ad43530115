/* SPDX-License-Identifier: MIT */
/* Console streams: virtio-console when there is one, else all on one 16550 at its PC place.
 *
 * The 16550 goes through the monitor a byte at a time: a last resort, for hypervisors with nothing
 * better and for messages before console_init. Source: National Semiconductor PC16550D data
 * sheet. */
#include "platform/console.h"

#include <asm/errno.h>

#include "kernel/base/print.h"
#include "platform/moncall.h"
#include "platform/virtio/console.h"

#define SERIAL_DATA 0x3f8
#define SERIAL_STATUS 0x3fd
#define STATUS_DATA_READY 0x01
#define STATUS_ROOM 0x20
#define STATUS_EMPTY 0x40
#define STATUS_ABSENT 0xff
#define STATUS_LINE_LEN 24

static bool have_virtio, host_listens;

/* A hypervisor drops bytes that come faster than it can pass them on. An absent port reads as all
 * ones. */
static void serial_wait(long state)
{
    while ((moncall(MON_PORT, SERIAL_STATUS, PORT_IN, 0) & state) == 0) {
    }
}

static void serial_write(const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        serial_wait(STATUS_ROOM);
        moncall(MON_PORT, SERIAL_DATA, PORT_OUT, (uint8_t)data[i]);
    }
}

static long serial_read(char *buf, size_t cap)
{
    size_t n = 0;
    while (n < cap) {
        long status = moncall(MON_PORT, SERIAL_STATUS, PORT_IN, 0);
        if (status == STATUS_ABSENT) {
            return 0;
        }
        if ((status & STATUS_DATA_READY) == 0) {
            break;
        }
        buf[n++] = (char)moncall(MON_PORT, SERIAL_DATA, PORT_IN, 0);
    }
    return n != 0 ? (long)n : -EAGAIN;
}

void console_init(void)
{
    have_virtio = virtio_console_probe() == 0;
}

long console_write(enum console_stream stream, const void *data, size_t len)
{
    if (have_virtio) {
        long done = virtio_console_write(stream, data, len);
        if (done != -ENODEV) {
            return done;
        }
        have_virtio = false; /* it does not come up: say everything on the serial port */
    }
    serial_write(data, len);
    return (long)len;
}

/* The host tool takes nothing from its own input that the program does not want. */
static void ask_for_input(void)
{
    static const char text[] = "\001input\n";
    static bool asked;
    if (host_listens && !__atomic_exchange_n(&asked, true, __ATOMIC_RELAXED)) {
        console_write(CONSOLE_LOG, text, sizeof(text) - 1);
    }
}

long console_read(void *buf, size_t cap)
{
    ask_for_input();
    return have_virtio ? virtio_console_read(buf, cap) : serial_read(buf, cap);
}

long console_offer(enum console_stream stream, const void *data, size_t len)
{
    long done = have_virtio ? virtio_console_offer(stream, data, len) : -ENODEV;
    return done != -ENODEV ? done : console_write(stream, data, len);
}

void console_set_notify(void (*ready)(void))
{
    virtio_console_set_notify(ready);
}

void console_set_events(void (*hook)(const char *bytes, size_t len))
{
    virtio_console_set_events(hook);
    host_listens = true;
}

void console_start(void)
{
    have_virtio = have_virtio && virtio_console_start() == 0;
}

bool console_interrupts(void)
{
    return have_virtio;
}

void console_flush(void)
{
    if (have_virtio) {
        virtio_console_flush();
    } else {
        serial_wait(STATUS_EMPTY);
    }
}

void console_send_status(int status)
{
    char line[STATUS_LINE_LEN];
    int len = print_buf(line, sizeof(line), "\001exit %d\n", status);
    console_write(CONSOLE_LOG, line, (size_t)len);
    console_flush();
}
