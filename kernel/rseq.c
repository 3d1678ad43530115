/* SPDX-License-Identifier: MIT */
/* Restartable sequences of the current thread: its area shows the CPU it runs on, and a section
 * that a signal, another thread or a move to another CPU interrupts is aborted.
 * Source: rseq(2) as in Linux 6.1, include/uapi/linux/rseq.h. */
#include "kernel/rseq.h"

#include <asm/errno.h>

#include "kernel/thread.h"
#include "kernel/uaccess.h"

#define AREA_ALIGN 32 /* alignment of struct rseq */
static_assert(sizeof(struct rseq) == 32, "the length that rseq(2) takes");

/* Write both CPU numbers. */
static int publish(uint64_t area, uint32_t start, uint32_t id)
{
    uint32_t numbers[2] = {start, id};
    static_assert(offsetof(struct rseq, cpu_id) == 4, "numbers are adjacent");
    return uaccess_write(uptr(void, area), numbers, sizeof(numbers));
}

int rseq_register(uint64_t area, uint32_t len, uint32_t signature)
{
    struct thread *t = thread_this();
    if (t->rseq_area != 0) {
        if (area != t->rseq_area || len != sizeof(struct rseq)) {
            return -EINVAL;
        }
        return signature != t->rseq_signature ? -EPERM : -EBUSY;
    }
    if (len != sizeof(struct rseq) || !is_aligned(area, AREA_ALIGN)) {
        return -EINVAL;
    }
    uint32_t cpu = cpu_id();
    if (publish(area, cpu, cpu) != 0) {
        return -EFAULT;
    }
    t->rseq_area = area;
    t->rseq_cpu = cpu;
    t->rseq_signature = signature;
    return 0;
}

int rseq_unregister(uint64_t area, uint32_t len, uint32_t signature)
{
    struct thread *t = thread_this();
    if (t->rseq_area == 0 || area != t->rseq_area || len != sizeof(struct rseq)) {
        return -EINVAL;
    }
    if (signature != t->rseq_signature) {
        return -EPERM;
    }
    if (publish(area, 0, (uint32_t)RSEQ_CPU_ID_UNINITIALIZED) != 0) {
        return -EFAULT;
    }
    t->rseq_area = 0;
    return 0;
}

bool rseq_moved(void)
{
    const struct thread *t = thread_this();
    return t->rseq_area != 0 && t->rseq_cpu != cpu_id();
}

int rseq_resume(struct frame *f)
{
    struct thread *t = thread_this();
    if (rseq_moved()) {
        uint32_t cpu = cpu_id(); /* the write may sleep and move on: then once more */
        if (publish(t->rseq_area, cpu, cpu) != 0) {
            return -EFAULT;
        }
        t->rseq_cpu = cpu;
    }
    return rseq_interrupt(f);
}

static bool section_ok(const struct rseq_cs *cs, uint32_t signature)
{
    uint64_t end;
    uint32_t found;
    if (cs->version != 0 || cs->abort_ip >= USER_MAX ||
        !add_ok(cs->start_ip, cs->post_commit_offset, &end)) {
        return false;
    }
    if (end > USER_MAX || cs->abort_ip - cs->start_ip < cs->post_commit_offset) {
        return false; /* an abort handler inside its own section would never end */
    }
    return uaccess_read(&found, uptr(void, cs->abort_ip - sizeof(found)), sizeof(found)) == 0 &&
           found == signature;
}

int rseq_interrupt(struct frame *f)
{
    const struct thread *t = thread_this();
    uint64_t section = 0;
    const uint64_t none = 0;
    struct rseq_cs cs;
    if (t->rseq_area == 0) {
        return 0;
    }
    uint64_t field = t->rseq_area + offsetof(struct rseq, rseq_cs);
    if (uaccess_read(&section, uptr(void, field), sizeof(section)) != 0) {
        return -EFAULT;
    }
    if (section == 0) {
        return 0;
    }
    if (uaccess_read(&cs, uptr(void, section), sizeof(cs)) != 0 ||
        !section_ok(&cs, t->rseq_signature)) {
        return -EFAULT;
    }
    if (uaccess_write(uptr(void, field), &none, sizeof(none)) != 0) {
        return -EFAULT;
    }
    if (f->rip - cs.start_ip < cs.post_commit_offset) {
        f->rip = cs.abort_ip;
    }
    return 0;
}
