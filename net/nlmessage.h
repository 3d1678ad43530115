/* SPDX-License-Identifier: MIT */
/* Messages of netlink as they are put together. */
#ifndef NET_NLMESSAGE_H
#define NET_NLMESSAGE_H

#include <linux/netlink.h>

#include "kernel/base/base.h"

/* Messages one behind the other. Zeroed before the first use. */
struct nl_text {
    char *buf; /* heap */
    size_t len, cap;
    size_t start; /* of the message that is being written */
    bool failed; /* out of memory: what is missing makes it useless */
    uint32_t seq, port; /* of all of them: what the asker gave, and who it is */
};

/* nl_begin: a message with header[len] behind its own. nl_put: an attribute. nl_end: it is whole.
 */
void nl_begin(struct nl_text *t, unsigned type, unsigned flags, const void *header, size_t len);
void nl_put(struct nl_text *t, unsigned type, const void *data, size_t len);
void nl_end(struct nl_text *t);

static inline void nl_put_u32(struct nl_text *t, unsigned type, uint32_t value)
{
    nl_put(t, type, &value, sizeof(value));
}

static inline void nl_put_u8(struct nl_text *t, unsigned type, uint8_t value)
{
    nl_put(t, type, &value, sizeof(value));
}

void nl_put_string(struct nl_text *t, unsigned type, const char *s);

#endif
