/* SPDX-License-Identifier: MIT */
// sources: platform/virtio/console.c platform/virtio/virtqueue.c platform/irq.c
// fakes: virtio moncall pages cpu log
/* The console against a device: streams arrive whole and apart, input with its end, one
 * notification a call, and nothing hangs when memory is short or the device says odd things.
 * The driver sets its device up once, so the parts of the test follow each other on one device. */
#include "platform/virtio/console.h"

#include <asm/errno.h>
#include <linux/virtio_console.h>
#include <string.h>

#include "platform/cpu.h"
#include "platform/irq.h"
#include "test/fake/moncall.h"
#include "test/fake/pages.h"
#include "test/fake/virtio.h"
#include "test/unit/check.h"

#define IN_QUEUE 4 /* of port 1 */
#define OUT_QUEUE(stream) (7 + 2 * (stream)) /* of ports 2, 3, 4 */
#define CONTROL_TO_DRIVER 2
#define CONTROL_TO_DEVICE 3
#define STDIN_PORT 1
#define EVENTS_PORT 5
#define EVENTS_QUEUE 12
#define TEXT_MAX 2000000

static char *text[3], *want[3]; /* per stream: what the device got, what was written */
static size_t got_len[3], want_len[3];
static bool lazy; /* the device takes output only while the driver waits */
static unsigned opened; /* bit per port that the driver opened */
static unsigned notified_input;
static char events[100]; /* what the hook got */
static size_t events_len;

int virtio_find(uint32_t id, unsigned nth, struct virtio_device *out)
{
    CHECK(id == 3 && nth == 0);
    *out = fake_virtio.dev;
    return 0;
}

static bool take_output(unsigned stream)
{
    struct fake_buffer b;
    if (!fake_virtio_take(OUT_QUEUE(stream), &b)) {
        return false;
    }
    CHECK(!b.writable && got_len[stream] + b.len <= TEXT_MAX);
    memcpy(text[stream] + got_len[stream], b.data, b.len);
    got_len[stream] += b.len;
    memset(b.data, '#', b.len); /* the driver may not need it any more */
    fake_virtio_give(OUT_QUEUE(stream), b.id, 0);
    return true;
}

static void take_control(void)
{
    struct fake_buffer b;
    while (fake_virtio_take(CONTROL_TO_DEVICE, &b)) {
        struct virtio_console_control m;
        CHECK_EQ(b.len, sizeof(m));
        memcpy(&m, b.data, sizeof(m));
        if (m.event == VIRTIO_CONSOLE_PORT_OPEN) {
            opened |= 1U << m.id;
        }
        fake_virtio_give(CONTROL_TO_DEVICE, b.id, 0);
    }
}

static void device_notified(unsigned queue)
{
    if (queue == CONTROL_TO_DEVICE) {
        take_control();
    }
    for (unsigned s = 0; !lazy && s < 3; s++) {
        while (take_output(s)) {
        }
    }
}

static void device_waited_for(void)
{
    unsigned taken = 0;
    for (unsigned s = 0; s < 3; s++) {
        taken += take_output(s);
    }
    CHECK(taken != 0); /* or the driver would wait for ever */
}

static void send_control(uint32_t port, uint16_t event, uint16_t value)
{
    struct fake_buffer b;
    struct virtio_console_control m = {.id = port, .event = event, .value = value};
    CHECK(fake_virtio_take(CONTROL_TO_DRIVER, &b));
    CHECK(b.writable && b.len >= sizeof(m));
    memcpy(b.data, &m, sizeof(m));
    fake_virtio_give(CONTROL_TO_DRIVER, b.id, sizeof(m));
}

static void send_input(const char *data, size_t len, uint32_t said)
{
    struct fake_buffer b;
    CHECK(fake_virtio_take(IN_QUEUE, &b));
    CHECK(b.writable && b.len == PAGE_SIZE && len <= b.len);
    memcpy(b.data, data, len);
    fake_virtio_give(IN_QUEUE, b.id, said);
}

static void write_text(unsigned stream, size_t len)
{
    char *p = want[stream] + want_len[stream];
    for (size_t i = 0; i < len; i++) {
        p[i] = (char)('a' + check_below(26));
    }
    want_len[stream] += len;
    CHECK_EQ(virtio_console_write(stream, p, len), len);
}

/* No memory at the first use: the caller falls back to the serial port, and may try again. */
static void no_memory_at_first(void)
{
    fake_pages_limit((unsigned long)fake_pages_in_use());
    CHECK_EQ(virtio_console_write(0, "x", 1), -ENODEV);
    fake_pages_limit(FAKE_RAM_FRAMES);
    fake_virtio_reset(1UL << VIRTIO_CONSOLE_F_MULTIPORT, FAKE_QUEUES);
    fake_virtio.on_notify = device_notified;
    CHECK_EQ(virtio_console_probe(), 0);
}

/* The first line of a stream comes through although memory has run out since the start. */
static void no_memory_for_a_stream(void)
{
    write_text(0, 1);
    unsigned long in_use = (unsigned long)fake_pages_in_use();
    fake_pages_limit(in_use);
    write_text(2, 100);
    write_text(1, 10000);
    virtio_console_flush();
    fake_pages_limit(FAKE_RAM_FRAMES);
    CHECK_EQ(opened, 1U << 2 | 1U << 3 | 1U << 4 | 1U << EVENTS_PORT);
    CHECK_EQ(got_len[1], 10001 - 1);
}

static void one_notification(void)
{
    for (size_t len = 1; len < 30000; len = len * 3 + 1) {
        unsigned before = fake_virtio.notified[OUT_QUEUE(0)];
        write_text(0, len);
        CHECK_EQ(fake_virtio.notified[OUT_QUEUE(0)], before + 1);
    }
    CHECK_EQ(virtio_console_write(0, "", 0), 0);
}

static void streams(void)
{
    for (unsigned i = 0; i < 300; i++) {
        lazy = check_below(2) == 0;
        write_text((unsigned)check_below(3),
                   check_below(10) == 0 ? check_below(50000) : check_below(200));
        if (check_below(10) == 0) {
            virtio_console_flush();
        }
    }
    virtio_console_flush();
    for (unsigned s = 0; s < 3; s++) {
        CHECK_EQ(got_len[s], want_len[s]);
        CHECK(memcmp(text[s], want[s], want_len[s]) == 0);
    }
    lazy = false;
}

static void note_input(void)
{
    notified_input++;
}

static void input(void)
{
    char buf[PAGE_SIZE + 10];
    virtio_console_set_notify(note_input);
    CHECK_EQ(virtio_console_read(buf, sizeof(buf)), -EAGAIN);
    CHECK((opened & 1U << STDIN_PORT) != 0);
    send_input("hello world", 11, 11);
    CHECK(irq_poll());
    CHECK_EQ(notified_input, 1);
    CHECK_EQ(virtio_console_read(buf, 5), 5);
    CHECK(memcmp(buf, "hello", 5) == 0);
    CHECK_EQ(virtio_console_read(buf, sizeof(buf)), 6);
    CHECK(memcmp(buf, " world", 6) == 0);
    CHECK_EQ(virtio_console_read(buf, sizeof(buf)), -EAGAIN);
    for (unsigned i = 0; i < 50; i++) { /* buffers are posted again */
        send_input("one", 3, 3);
        send_input("two", 3, 3);
        CHECK_EQ(virtio_console_read(buf, sizeof(buf)), 3);
        CHECK(memcmp(buf, "one", 3) == 0);
        CHECK_EQ(virtio_console_read(buf, sizeof(buf)), 3);
        CHECK(memcmp(buf, "two", 3) == 0);
    }
}

/* Lengths beyond the buffer are cut; an empty buffer is not the end of input. */
static void odd_lengths(void)
{
    char buf[PAGE_SIZE + 10];
    send_input("x", 1, UINT32_MAX);
    CHECK_EQ(virtio_console_read(buf, sizeof(buf)), PAGE_SIZE);
    send_input("", 0, 0);
    CHECK_EQ(virtio_console_read(buf, sizeof(buf)), -EAGAIN);
    for (unsigned i = 0; i < 10; i++) {
        send_input("", 0, 0);
        send_input("y", 1, 1);
        CHECK_EQ(virtio_console_read(buf, sizeof(buf)), 1);
    }
    fake_virtio_give(IN_QUEUE, 1000, 1);
    CHECK_EQ(virtio_console_read(buf, sizeof(buf)), -EAGAIN);
}

static void end_of_input(void)
{
    char buf[16];
    send_control(STDIN_PORT + 1, VIRTIO_CONSOLE_PORT_OPEN, 0); /* another port's end */
    send_control(STDIN_PORT, 77, 0);
    CHECK_EQ(virtio_console_read(buf, sizeof(buf)), -EAGAIN);
    send_input("last", 4, 4);
    send_control(STDIN_PORT, VIRTIO_CONSOLE_PORT_OPEN, 0);
    notified_input = 0;
    irq_poll();
    CHECK_EQ(notified_input, 1);
    CHECK_EQ(virtio_console_read(buf, sizeof(buf)), 4);
    CHECK_EQ(virtio_console_read(buf, sizeof(buf)), 0);
    CHECK_EQ(virtio_console_read(buf, sizeof(buf)), 0);
}

static void take_event(const char *bytes, size_t len)
{
    CHECK(events_len + len <= sizeof(events));
    memcpy(events + events_len, bytes, len);
    events_len += len;
    CHECK_EQ(virtio_console_write(2, "", 0), 0); /* the hook may use the console */
}

static bool send_event(const char *data)
{
    struct fake_buffer b;
    if (!fake_virtio_take(EVENTS_QUEUE, &b)) {
        return false;
    }
    CHECK(b.writable && b.len == PAGE_SIZE);
    memcpy(b.data, data, strlen(data));
    fake_virtio_give(EVENTS_QUEUE, b.id, (uint32_t)strlen(data));
    return true;
}

/* One at a time: the host sees whether the driver listens. */
static void events_come(void)
{
    for (unsigned i = 0; i < 20; i++) {
        CHECK(send_event("signal 15 0 0\n"));
        CHECK(!send_event("too early\n"));
        events_len = 0;
        CHECK(irq_poll());
        CHECK_EQ(events_len, 14);
        CHECK(memcmp(events, "signal 15 0 0\n", 14) == 0);
    }
}

/* The driver keeps its buffers, so the harness's count of frames does not apply. */
int main(void)
{
    for (unsigned s = 0; s < 3; s++) {
        text[s] = malloc(TEXT_MAX);
        want[s] = malloc(TEXT_MAX);
    }
    fake_virtio_reset(1UL << VIRTIO_CONSOLE_F_MULTIPORT, FAKE_QUEUES);
    fake_on_wait = device_waited_for;
    CHECK_EQ(virtio_console_probe(), 0);
    virtio_console_set_events(take_event);
    no_memory_at_first();
    no_memory_for_a_stream();
    one_notification();
    streams();
    input();
    odd_lengths();
    end_of_input();
    events_come();
    for (unsigned s = 0; s < 3; s++) {
        free(text[s]);
        free(want[s]);
    }
    printf("checks: %lu in 8 tests\n", check_count);
    return 0;
}
