/* SPDX-License-Identifier: MIT */
/* virtio-console driver.
 *
 * Output is copied into a ring of page-sized buffers per stream; the device is notified once a call
 * and completions are reaped at the next one. Input buffers are posted, and the input port opened,
 * when the program first asks for input: most never do. The end of input is the control message
 * that closes port 1 on the host's side. Events come in one buffer, so that the host can tell
 * whether they are taken: what it sends meanwhile stays with it. The device is set up at the first
 * use, because every register access costs as much as a thousand system calls. lock guards it all
 * but is held neither while waiting nor over hooks.
 * Source: VIRTIO 1.2, 5.3. */
#include "platform/virtio/console.h"

#include <asm/errno.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>

#include "kernel/base/lock.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "platform/cpu.h"
#include "platform/irq.h"
#include "platform/moncall.h"
#include "platform/pages.h"
#include "platform/virtio/virtqueue.h"

#define PORT_STDIN 1
#define PORT_FIRST_OUTPUT 2
#define PORT_EVENTS 5
#define CONTROL_INPUT 2 /* queue numbers */
#define CONTROL_OUTPUT 3
#define OUT_BUFFERS 8 /* pages per output stream, allocated as needed */
#define IN_BUFFERS 4
#define CONTROL_BUFFERS 16
#define CONTROL_LEN 64
#define RING_SIZE 16
#define RINGS_PER_PAGE 4

struct output {
    struct virtqueue queue;
    struct page *page[OUT_BUFFERS];
    uint32_t free; /* bit per buffer that the device does not hold */
    bool wanted; /* somebody is told when one is free again */
};

struct input {
    struct virtqueue queue;
    struct page *page[IN_BUFFERS];
    uint32_t len[IN_BUFFERS]; /* bytes that arrived */
    uint8_t order[IN_BUFFERS]; /* buffers with data, oldest first */
    unsigned nfull;
    size_t taken; /* of the oldest */
    bool open, ended;
};

/* Messages of the host tool, which has a port for them if hook is set. */
struct events {
    struct virtqueue queue;
    struct page *page; /* NULL: the device has no such port */
    void (*hook)(const char *bytes, size_t len); /* [I] once the device is up */
};

static struct spinlock lock;
static struct virtio_device device;
static bool up, multiport;
static struct output outputs[VIRTIO_CONSOLE_OUTPUTS];
static struct input input;
static struct events events;
static struct virtqueue control_in, control_out;
static struct page *control_page; /* CONTROL_BUFFERS of CONTROL_LEN for input, then for output */
static struct page *ring_page;
static unsigned rings;
static void (*notify)(void);

static unsigned input_queue_of(unsigned port)
{
    return port == 0 ? 0 : 2 * port + 2;
}

static int add_queue(struct virtqueue *q, unsigned index)
{
    if (rings % RINGS_PER_PAGE == 0) {
        ring_page = pages_alloc(0, PAGES_ZERO | PAGES_RESERVE);
        if (ring_page == NULL) {
            return -ENOMEM;
        }
    }
    size_t offset = rings++ % RINGS_PER_PAGE * (PAGE_SIZE / RINGS_PER_PAGE);
    struct pa pa = {pages_pa(ring_page).v + offset};
    virtqueue_init(q, RING_SIZE, (char *)pages_va(ring_page) + offset, pa);
    virtqueue_interrupts(q, false);
    return device.transport->add_queue(&device, q, index);
}

static void control_send(unsigned slot, uint32_t port, uint16_t event, uint16_t value)
{
    size_t offset = (CONTROL_BUFFERS + slot) * CONTROL_LEN;
    struct virtio_console_control *m = (void *)((char *)pages_va(control_page) + offset);
    *m = (struct virtio_console_control){.id = port, .event = event, .value = value};
    struct pa pa = {pages_pa(control_page).v + offset};
    int err = virtqueue_add(&control_out, pa, sizeof(*m), false, slot);
    assert(err == 0); /* fewer messages than the ring has room for are ever sent */
}

static void control_post(uint32_t slot)
{
    struct pa pa = {pages_pa(control_page).v + slot * CONTROL_LEN};
    (void)!virtqueue_add(&control_in, pa, CONTROL_LEN, true, slot);
}

static int set_up_control(void)
{
    control_page = pages_alloc(0, PAGES_ZERO | PAGES_RESERVE);
    if (control_page == NULL) {
        return -ENOMEM;
    }
    int err = add_queue(&control_in, CONTROL_INPUT);
    err = err != 0 ? err : add_queue(&control_out, CONTROL_OUTPUT);
    for (uint32_t i = 0; err == 0 && i < CONTROL_BUFFERS; i++) {
        control_post(i);
    }
    return err;
}

/* One batch, answers are not waited for: the device takes output from now on. */
static void announce_ports(void)
{
    unsigned slot = 0;
    control_send(slot++, VIRTIO_CONSOLE_BAD_ID, VIRTIO_CONSOLE_DEVICE_READY, 1);
    unsigned last = events.page != NULL ? PORT_EVENTS : PORT_EVENTS - 1;
    for (unsigned port = PORT_STDIN; port <= last; port++) {
        control_send(slot++, port, VIRTIO_CONSOLE_PORT_READY, 1);
        if (port >= PORT_FIRST_OUTPUT) {
            control_send(slot++, port, VIRTIO_CONSOLE_PORT_OPEN, 1);
        }
    }
    virtqueue_kick(&control_out);
}

static void input_post(unsigned buffer)
{
    (void)!virtqueue_add(&input.queue, pages_pa(input.page[buffer]), PAGE_SIZE, true, buffer);
}

static void input_reap(void)
{
    uint32_t buffer;
    uint32_t len;
    while (virtqueue_reap(&input.queue, &buffer, &len)) {
        input.len[buffer] = min(len, (uint32_t)PAGE_SIZE);
        if (len == 0) { /* nothing came, and a read of nothing would be the end of input */
            input_post(buffer);
            virtqueue_kick(&input.queue);
            continue;
        }
        input.order[input.nfull++] = (uint8_t)buffer;
    }
}

static void control_reap(void)
{
    uint32_t slot;
    uint32_t len;
    while (multiport && virtqueue_reap(&control_in, &slot, &len)) {
        const struct virtio_console_control *m =
            (const void *)((const char *)pages_va(control_page) + slot * CONTROL_LEN);
        if (len >= sizeof(*m) && m->id == PORT_STDIN && m->event == VIRTIO_CONSOLE_PORT_OPEN) {
            input.ended = m->value == 0;
        }
        control_post(slot);
    }
    if (multiport) {
        virtqueue_kick(&control_in);
    }
}

static void events_post(void)
{
    (void)!virtqueue_add(&events.queue, pages_pa(events.page), PAGE_SIZE, true, 0);
    virtqueue_kick(&events.queue);
}

/* The buffer is ours from the reaping to the posting: the hook may read it without the lock. */
static void events_pass(void)
{
    uint32_t buffer;
    uint32_t len;
    spin_lock(&lock);
    while (events.page != NULL && virtqueue_reap(&events.queue, &buffer, &len)) {
        spin_unlock(&lock);
        events.hook(pages_va(events.page), min(len, (uint32_t)PAGE_SIZE));
        spin_lock(&lock);
        events_post();
    }
    spin_unlock(&lock);
}

static void output_reap(struct output *o)
{
    uint32_t buffer;
    uint32_t len;
    while (virtqueue_reap(&o->queue, &buffer, &len)) {
        o->free |= 1U << buffer;
    }
}

/* Room that somebody wants is there. */
static bool room_came(void)
{
    bool any = false;
    for (unsigned i = 0; i < VIRTIO_CONSOLE_OUTPUTS; i++) {
        struct output *o = &outputs[i];
        if (o->wanted) {
            output_reap(o);
            o->wanted = o->free == 0;
            virtqueue_interrupts(&o->queue, o->wanted);
            any = any || !o->wanted;
        }
    }
    return any;
}

static void interrupt(void *arg)
{
    (void)arg;
    spin_lock(&lock);
    device.transport->acknowledge(&device);
    input_reap();
    control_reap();
    bool tell = room_came() || input.nfull != 0 || input.ended;
    spin_unlock(&lock);
    if (tell && notify != NULL) {
        notify();
    }
    events_pass();
}

/* The first buffer is there from the start: a stream must work when memory has run out. */
static int output_start(struct output *o)
{
    o->page[0] = pages_alloc(0, PAGES_RESERVE);
    o->free = (1U << OUT_BUFFERS) - 1;
    return o->page[0] != NULL ? 0 : -ENOMEM;
}

static int set_up_events(void)
{
    events.page = multiport && events.hook != NULL ? pages_alloc(0, PAGES_RESERVE) : NULL;
    if (events.page == NULL) {
        return multiport && events.hook != NULL ? -ENOMEM : 0;
    }
    int err = add_queue(&events.queue, input_queue_of(PORT_EVENTS));
    virtqueue_interrupts(&events.queue, true);
    return err;
}

static int set_up_queues(void)
{
    int err = multiport ? set_up_control() : 0;
    err = err != 0 ? err : add_queue(&input.queue, input_queue_of(multiport ? PORT_STDIN : 0));
    unsigned n = multiport ? VIRTIO_CONSOLE_OUTPUTS : 1;
    for (unsigned i = 0; err == 0 && i < n; i++) {
        unsigned port = multiport ? PORT_FIRST_OUTPUT + i : 0;
        err = add_queue(&outputs[i].queue, input_queue_of(port) + 1);
        err = err != 0 ? err : output_start(&outputs[i]);
    }
    return err != 0 ? err : set_up_events();
}

static int set_up(void)
{
    if (up) {
        return 0;
    }
    int err = device.transport->begin(&device, 1UL << VIRTIO_CONSOLE_F_MULTIPORT);
    if (err != 0) {
        return err;
    }
    multiport = (device.features >> VIRTIO_CONSOLE_F_MULTIPORT & 1) != 0;
    err = set_up_queues();
    err = err != 0 ? err : irq_register(device.gsi, interrupt, NULL);
    if (err != 0) {
        return err;
    }
    up = true;
    device.transport->ready(&device);
    if (multiport) {
        announce_ports();
    }
    if (events.page != NULL) {
        events_post();
    }
    return 0;
}

int virtio_console_probe(void)
{
    return virtio_find(VIRTIO_ID_CONSOLE, 0, &device);
}

/* Wait for an interrupt that says that the device is done with a buffer of o. The interrupt goes to
 * the boot CPU. */
static void output_wait(struct output *o, uint32_t free_before) NEEDS(lock)
{
    for (;;) {
        virtqueue_interrupts(&o->queue, true); /* each time: another CPU may have been done */
        output_reap(o);
        if (o->free != free_before) {
            break;
        }
        spin_unlock(&lock);
        if (irq_poll() || cpu_id() != 0) {
            __builtin_ia32_pause();
        } else {
            moncall_wait();
        }
        spin_lock(&lock);
    }
    virtqueue_interrupts(&o->queue, o->wanted);
}

/* Copy up to a page into a free buffer and queue it. Returns the bytes taken, 0 when none is
 * free. */
static size_t output_fill(struct output *o, const char *data, size_t len)
{
    output_reap(o);
    if (o->free == 0) {
        return 0;
    }
    unsigned buffer = (unsigned)__builtin_ctz(o->free);
    if (o->page[buffer] == NULL) {
        o->page[buffer] = pages_alloc(0, PAGES_RESERVE);
    }
    if (o->page[buffer] == NULL) { /* no memory: make do with the buffers that exist */
        o->free &= ~(1U << buffer);
        return 0;
    }
    size_t n = min(len, (size_t)PAGE_SIZE);
    memcpy(pages_va(o->page[buffer]), data, n);
    if (virtqueue_add(&o->queue, pages_pa(o->page[buffer]), (uint32_t)n, false, buffer) != 0) {
        return 0;
    }
    o->free &= ~(1U << buffer);
    return n;
}

/* Returns the bytes taken, all or as many as fit. */
static size_t offer_locked(struct output *o, const char *data, size_t len) NEEDS(lock)
{
    lock_assert_held(&lock);
    size_t done = 0;
    size_t n = 1;
    while (done < len && n != 0) {
        n = output_fill(o, data + done, len - done);
        done += n;
    }
    virtqueue_kick(&o->queue);
    return done;
}

static void write_locked(unsigned stream, const char *data, size_t len) NEEDS(lock)
{
    lock_assert_held(&lock);
    struct output *o = &outputs[multiport ? stream : 0];
    for (size_t done = 0; done < len;) {
        done += offer_locked(o, data + done, len - done);
        if (done < len) {
            output_wait(o, o->free);
        }
    }
}

long virtio_console_write(unsigned stream, const void *data, size_t len)
{
    if (lock_is_mine(&lock)) { /* a message about this driver's own end */
        return -ENODEV;
    }
    spin_lock(&lock);
    int err = set_up();
    if (err == 0) {
        write_locked(stream, data, len);
    }
    spin_unlock(&lock);
    return err == 0 ? (long)len : -ENODEV;
}

long virtio_console_offer(unsigned stream, const void *data, size_t len)
{
    spin_lock(&lock);
    int err = set_up();
    struct output *o = &outputs[multiport ? stream : 0];
    size_t done = err == 0 ? offer_locked(o, data, len) : 0;
    if (err == 0 && done == 0 && len != 0) {
        o->wanted = true;
        virtqueue_interrupts(&o->queue, true);
        done = offer_locked(o, data, len); /* it may have come before we asked to be told */
    }
    spin_unlock(&lock);
    return err != 0 ? -ENODEV : done != 0 || len == 0 ? (long)done : -EAGAIN;
}

void virtio_console_flush(void)
{
    if (lock_is_mine(&lock)) {
        return;
    }
    spin_lock(&lock);
    for (unsigned i = 0; up && i < (multiport ? VIRTIO_CONSOLE_OUTPUTS : 1U); i++) {
        struct output *o = &outputs[i];
        output_reap(o);
        while (o->queue.nfree != o->queue.size) {
            output_wait(o, o->free);
        }
    }
    spin_unlock(&lock);
}

/* First use of the input: interrupts, buffers, and the port's opening. */
static int input_start(void)
{
    int err = set_up();
    if (err != 0 || input.open) {
        return err;
    }
    for (unsigned i = 0; i < IN_BUFFERS; i++) {
        input.page[i] = pages_alloc(0, PAGES_RESERVE);
        if (input.page[i] == NULL) {
            return -ENOMEM;
        }
        input_post(i);
    }
    input.open = true;
    virtqueue_interrupts(&input.queue, true);
    if (multiport) {
        uint32_t slot;
        uint32_t len;
        while (virtqueue_reap(&control_out, &slot, &len)) {
        }
        virtqueue_interrupts(&control_in, true);
        control_reap();
        control_send(CONTROL_BUFFERS - 1, PORT_STDIN, VIRTIO_CONSOLE_PORT_OPEN, 1);
        virtqueue_kick(&control_out);
    }
    /* After the opening: QEMU looks for input when buffers come, not when a port opens. */
    virtqueue_kick(&input.queue);
    return 0;
}

static long read_locked(void *buf, size_t cap) NEEDS(lock)
{
    lock_assert_held(&lock);
    int err = input_start();
    if (err != 0) {
        return err;
    }
    control_reap();
    input_reap(); /* after the control queue: data comes before its end */
    if (input.nfull == 0) {
        return input.ended ? 0 : -EAGAIN;
    }
    unsigned buffer = input.order[0];
    size_t n = min(cap, input.len[buffer] - input.taken);
    memcpy(buf, (const char *)pages_va(input.page[buffer]) + input.taken, n);
    input.taken += n;
    if (input.taken == input.len[buffer]) {
        input.taken = 0;
        input.nfull--;
        memmove(input.order, input.order + 1, input.nfull);
        input_post(buffer);
        virtqueue_kick(&input.queue);
    }
    return (long)n;
}

long virtio_console_read(void *buf, size_t cap)
{
    spin_lock(&lock);
    long n = read_locked(buf, cap);
    spin_unlock(&lock);
    return n;
}

void virtio_console_set_notify(void (*ready)(void))
{
    notify = ready;
}

void virtio_console_set_events(void (*hook)(const char *bytes, size_t len))
{
    events.hook = hook;
}

int virtio_console_start(void)
{
    spin_lock(&lock);
    int err = set_up();
    spin_unlock(&lock);
    return err;
}
