/* SPDX-License-Identifier: MIT */
/* Netlink messages and their attributes. No locks. Source: netlink(7), rtnetlink(7). */
#include "net/nlmessage.h"

#include "kernel/base/string.h"
#include "kernel/heap.h"

#define CAP_FIRST 4096

/* n bytes, zeroed, at the end; NULL without memory. */
static void *grow(struct nl_text *t, size_t n)
{
    if (t->failed) {
        return NULL;
    }
    if (t->cap - t->len < n) {
        size_t cap = max(max(t->cap * 2, t->len + n), (size_t)CAP_FIRST);
        char *buf = heap_resize(t->buf, cap);
        if (buf == NULL) {
            t->failed = true;
            return NULL;
        }
        t->buf = buf;
        t->cap = cap;
    }
    void *at = t->buf + t->len;
    memset(at, 0, n);
    t->len += n;
    return at;
}

void nl_begin(struct nl_text *t, unsigned type, unsigned flags, const void *header, size_t len)
{
    t->start = t->len;
    struct nlmsghdr h = {.nlmsg_type = (uint16_t)type,
                         .nlmsg_flags = (uint16_t)flags,
                         .nlmsg_seq = t->seq,
                         .nlmsg_pid = t->port};
    char *at = grow(t, NLMSG_HDRLEN + NLMSG_ALIGN(len));
    if (at != NULL) {
        memcpy(at, &h, sizeof(h));
        memcpy(at + NLMSG_HDRLEN, header, len);
    }
}

void nl_put(struct nl_text *t, unsigned type, const void *data, size_t len)
{
    struct nlattr a = {.nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = (uint16_t)type};
    char *at = grow(t, (size_t)NLA_HDRLEN + NLA_ALIGN(len));
    if (at != NULL) {
        memcpy(at, &a, sizeof(a));
        memcpy(at + NLA_HDRLEN, data, len);
    }
}

void nl_put_string(struct nl_text *t, unsigned type, const char *s)
{
    nl_put(t, type, s, strlen(s) + 1);
}

void nl_end(struct nl_text *t)
{
    if (!t->failed) {
        uint32_t len = (uint32_t)(t->len - t->start);
        memcpy(t->buf + t->start, &len, sizeof(len));
    }
}
