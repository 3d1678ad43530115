/* SPDX-License-Identifier: MIT */
/* Control messages, to and from the program, of whatever family. No locks. Source: cmsg(3),
 * recv(2). */
#include "net/message.h"

#include <asm/errno.h>

#include "kernel/uaccess.h"

#define HEADER sizeof(struct user_cmsghdr)

int message_next(const struct message *m, struct control_item *c)
{
    if (m->controllen < HEADER || c->next > m->controllen - HEADER) {
        return 0;
    }
    size_t left = m->controllen - c->next;
    const struct user_cmsghdr *h = (const void *)((const char *)m->control + c->next);
    if (h->len < HEADER || h->len > left) {
        return -EINVAL;
    }
    c->level = h->level;
    c->type = h->type;
    c->data = h + 1;
    c->len = h->len - HEADER;
    c->next += min(CMSG_STEP(h->len), left);
    return 1;
}

void message_put(struct message *m, int level, int type, const void *data, size_t len)
{
    size_t room = m->put_at != 0 ? m->put_room - m->put_done : 0;
    if (room < HEADER) {
        m->out_flags |= MSG_CTRUNC;
        return;
    }
    size_t n = min(len, room - HEADER);
    struct user_cmsghdr h = {HEADER + n, level, type};
    uint64_t at = m->put_at + m->put_done;
    if (uaccess_write(uptr(void, at), &h, HEADER) != 0 ||
        uaccess_write(uptr(void, at + HEADER), data, n) != 0) {
        m->out_flags |= MSG_CTRUNC; /* as Linux: no error */
        return;
    }
    m->out_flags |= n < len ? MSG_CTRUNC : 0;
    m->put_done += min(CMSG_STEP(HEADER + n), room);
}
