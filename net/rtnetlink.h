/* SPDX-License-Identifier: MIT */
/* What NETLINK_ROUTE tells of links, addresses, routes and neighbours. */
#ifndef NET_RTNETLINK_H
#define NET_RTNETLINK_H

#include "net/nlmessage.h"

/* rtnetlink_answer: message is a whole request. Its answer goes to out; *dump: it is a list, behind
 * which NLMSG_DONE is to come. Returns 0 or a negative errno for an NLMSG_ERROR. */
MUST_CHECK int rtnetlink_answer(const struct nlmsghdr *message, struct nl_text *out, bool *dump);

#endif
