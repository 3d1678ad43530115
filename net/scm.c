/* SPDX-License-Identifier: MIT */
/* SCM_RIGHTS and SCM_CREDENTIALS. Files on their way are kept by references, so that nobody finds
 * them closed. Source: unix(7), cmsg(3). */
#include "net/scm.h"

#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/capability.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/process.h"
#include "kernel/uaccess.h"

#define HEADER sizeof(struct user_cmsghdr)

void scm_self(struct scm *s)
{
    *s = (struct scm){.cred = {PROCESS_PID, process.uid, process.gid}};
}

void scm_drop(struct scm *s)
{
    for (unsigned i = 0; i < s->n; i++) {
        file_put(s->files[i]);
    }
    heap_free(s->files);
    s->files = NULL;
    s->n = 0;
}

int scm_copy(struct scm *to, const struct scm *from)
{
    *to = *from;
    if (from->n == 0) {
        return 0;
    }
    to->files = heap_alloc(from->n * sizeof(*to->files));
    if (to->files == NULL) {
        to->n = 0;
        return -ENOMEM;
    }
    for (unsigned i = 0; i < from->n; i++) {
        to->files[i] = from->files[i];
        file_get(to->files[i]);
    }
    return 0;
}

static int take_files(struct scm *s, const int USER *fds, size_t n)
{
    if (n > SCM_MAX_FD - s->n) {
        return -EINVAL;
    }
    struct file **files = heap_resize(s->files, (s->n + n) * sizeof(*files));
    if (files == NULL) {
        return n == 0 ? 0 : -ENOMEM;
    }
    s->files = files;
    for (size_t i = 0; i < n; i++) {
        int fd;
        if (uaccess_read(&fd, &fds[i], sizeof(fd)) != 0) {
            return -EFAULT;
        }
        files[s->n] = fd_get_any(fd);
        if (files[s->n] == NULL) {
            return -EBADF;
        }
        s->n++;
    }
    return 0;
}

static bool is_one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
    return id == a || id == b || id == c;
}

static int take_cred(struct scm *s, const void USER *data, size_t len)
{
    struct user_ucred c;
    if (len != sizeof(c)) {
        return -EINVAL;
    }
    if (uaccess_read(&c, data, sizeof(c)) != 0) {
        return -EFAULT;
    }
    bool uid = is_one_of(c.uid, process.uid, process.euid, process.suid);
    bool gid = is_one_of(c.gid, process.gid, process.egid, process.sgid);
    if ((c.pid != PROCESS_PID && !process_capable(CAP_SYS_ADMIN)) ||
        (!uid && !process_capable(CAP_SETUID)) || (!gid && !process_capable(CAP_SETGID))) {
        return -EPERM;
    }
    if (c.pid != PROCESS_PID && c.pid != PROCESS_PPID) {
        return -ESRCH;
    }
    s->cred = c;
    return 0;
}

static int take_one(struct scm *s, const struct user_cmsghdr *h, const char USER *data)
{
    size_t len = h->len - HEADER;
    if (h->level != SOL_SOCKET) {
        return 0;
    }
    switch (h->type) {
    case SCM_RIGHTS: return take_files(s, (const int USER *)data, len / sizeof(int));
    case SCM_CREDENTIALS: return take_cred(s, data, len);
    default: return -EINVAL;
    }
}

int scm_take(struct scm *s, const void USER *control, size_t len)
{
    const char USER *at = control;
    int err = 0;
    scm_self(s);
    for (size_t done = 0; err == 0 && len - done >= HEADER;) {
        struct user_cmsghdr h;
        if (uaccess_read(&h, at + done, sizeof(h)) != 0) {
            err = -EFAULT;
        } else if (h.len < HEADER || h.len > len - done) {
            err = -EINVAL;
        } else {
            err = take_one(s, &h, at + done + HEADER);
            done += min(CMSG_STEP(h.len), len - done);
        }
    }
    if (err != 0) {
        scm_drop(s);
    }
    return err;
}

/* The header of a message with n bytes, of which cut are left out. Returns 0 or MSG_CTRUNC. */
static unsigned put_header(struct scm_target *t, int type, size_t n)
{
    struct user_cmsghdr h = {HEADER + n, SOL_SOCKET, type};
    return uaccess_write(uptr(void, t->control + t->used), &h, sizeof(h)) != 0 ? MSG_CTRUNC : 0;
}

static void advance(struct scm_target *t, size_t n)
{
    t->used = min(t->used + CMSG_STEP(HEADER + n), t->len);
}

static unsigned put_cred(const struct scm *s, struct scm_target *t)
{
    size_t room = t->len - t->used;
    if (room < HEADER) {
        return MSG_CTRUNC;
    }
    size_t n = min(sizeof(s->cred), room - HEADER);
    unsigned flags = n < sizeof(s->cred) ? MSG_CTRUNC : 0;
    flags |= put_header(t, SCM_CREDENTIALS, n);
    if (uaccess_write(uptr(void, t->control + t->used + HEADER), &s->cred, n) != 0) {
        return MSG_CTRUNC;
    }
    advance(t, n);
    return flags;
}

/* A descriptor for f at the program's *out. Returns 0 or an error, then nothing is open. */
static int open_one(struct file *f, int USER *out, unsigned fd_flags)
{
    file_get(f);
    int fd = fd_alloc(f, 0, fd_flags);
    if (fd < 0) {
        file_put(f);
        return fd;
    }
    int err = uaccess_write(out, &fd, sizeof(fd));
    if (err != 0) {
        (void)fd_close(fd);
    }
    return err;
}

static unsigned put_files(const struct scm *s, struct scm_target *t)
{
    size_t room = t->len - t->used;
    size_t fit = room > HEADER ? (room - HEADER) / sizeof(int) : 0;
    unsigned n = 0;
    int USER *fds = uptr(int, t->control + t->used + HEADER);
    while (n < s->n && n < fit && open_one(s->files[n], &fds[n], t->fd_flags) == 0) {
        n++;
    }
    unsigned flags = n < s->n ? MSG_CTRUNC : 0;
    if (n != 0) {
        flags |= put_header(t, SCM_RIGHTS, n * sizeof(int));
        advance(t, n * sizeof(int));
    }
    return flags;
}

unsigned scm_deliver(const struct scm *s, struct scm_target *t)
{
    unsigned flags = 0;
    if (t->control == 0) {
        return s->n != 0 || t->credentials ? MSG_CTRUNC : 0;
    }
    if (t->credentials) {
        flags |= put_cred(s, t);
    }
    if (s->n != 0) {
        flags |= put_files(s, t);
    }
    return flags;
}
