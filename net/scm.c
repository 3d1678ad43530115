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

static int take_files(struct scm *s, const int *fds, size_t n)
{
    if (n > SCM_MAX_FD - s->n) {
        return -EINVAL;
    }
    if (n == 0) {
        return 0; /* less than one descriptor */
    }
    struct file **files = heap_resize(s->files, (s->n + n) * sizeof(*files));
    if (files == NULL) {
        return -ENOMEM;
    }
    s->files = files;
    for (size_t i = 0; i < n; i++) {
        files[s->n] = fd_get_any(fds[i]);
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

static int take_cred(struct scm *s, const void *data, size_t len)
{
    struct user_ucred c;
    if (len != sizeof(c)) {
        return -EINVAL;
    }
    memcpy(&c, data, sizeof(c));
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
    s->told = true;
    return 0;
}

static int take_one(struct scm *s, const struct control_item *c)
{
    if (c->level != SOL_SOCKET) {
        return 0;
    }
    switch (c->type) {
    case SCM_RIGHTS: return take_files(s, c->data, c->len / sizeof(int));
    case SCM_CREDENTIALS: return take_cred(s, c->data, c->len);
    default: return -EINVAL;
    }
}

int scm_take(struct scm *s, const struct message *m)
{
    struct control_item c = {.next = 0};
    int err = 0;
    *s = (struct scm){.cred = {PROCESS_PID, process.uid, process.gid}};
    if (likely(m->controllen == 0)) {
        return 0;
    }
    int found = message_next(m, &c);
    while (found > 0 && err == 0) {
        err = take_one(s, &c);
        found = message_next(m, &c);
    }
    err = err != 0 ? err : found;
    if (err != 0) {
        scm_drop(s);
    }
    return err;
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

static void put_files(const struct scm *s, struct message *m)
{
    size_t room = m->put_at != 0 ? m->put_room - m->put_done : 0;
    size_t fit = room > HEADER ? (room - HEADER) / sizeof(int) : 0;
    unsigned fd_flags = (m->flags & MSG_CMSG_CLOEXEC) != 0 ? O_CLOEXEC : 0;
    uint64_t at = m->put_at + m->put_done;
    int USER *fds = uptr(int, at + HEADER);
    unsigned n = 0;
    while (n < s->n && n < fit && open_one(s->files[n], &fds[n], fd_flags) == 0) {
        n++;
    }
    m->out_flags |= n < s->n ? MSG_CTRUNC : 0;
    if (n == 0) {
        return;
    }
    struct user_cmsghdr h = {HEADER + n * sizeof(int), SOL_SOCKET, SCM_RIGHTS};
    if (uaccess_write(uptr(void, at), &h, sizeof(h)) != 0) {
        m->out_flags |= MSG_CTRUNC;
        return;
    }
    m->put_done += min(CMSG_STEP(h.len), room);
}

void scm_put(const struct scm *s, struct message *m, bool credentials)
{
    if (credentials) {
        message_put(m, SOL_SOCKET, SCM_CREDENTIALS, &s->cred, sizeof(s->cred));
    }
    if (s->n != 0) {
        put_files(s, m);
    }
}
