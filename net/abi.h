/* SPDX-License-Identifier: MIT */
/* Numbers and structures of socket calls that no uapi header has: C libraries define them.
 * Source: socket(2), recv(2), cmsg(3), unix(7). */
#ifndef NET_ABI_H
#define NET_ABI_H

#include <asm/fcntl.h>

#include "kernel/base/base.h"

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_PACKET 17
#define AF_MAX 46

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_RDM 4
#define SOCK_SEQPACKET 5
#define SOCK_PACKET 10
#define SOCK_MAX 11
#define SOCK_TYPE_MASK 15
#define SOCK_CLOEXEC O_CLOEXEC
#define SOCK_NONBLOCK O_NONBLOCK

#define SHUT_RD 0
#define SHUT_WR 1
#define SHUT_RDWR 2

#define MSG_OOB 1
#define MSG_PEEK 2
#define MSG_DONTROUTE 4
#define MSG_CTRUNC 8
#define MSG_TRUNC 0x20
#define MSG_DONTWAIT 0x40
#define MSG_EOR 0x80
#define MSG_WAITALL 0x100
#define MSG_CONFIRM 0x800
#define MSG_ERRQUEUE 0x2000
#define MSG_NOSIGNAL 0x4000
#define MSG_MORE 0x8000
#define MSG_WAITFORONE 0x10000
#define MSG_ZEROCOPY 0x4000000
#define MSG_FASTOPEN 0x20000000
#define MSG_CMSG_CLOEXEC 0x40000000
#define MSG_CMSG_COMPAT 0x80000000

#define SCM_RIGHTS 1
#define SCM_CREDENTIALS 2
#define SCM_MAX_FD 253

struct user_msghdr {
    uint64_t name; /* address of the program's */
    int32_t namelen;
    uint32_t pad;
    uint64_t iov, iovlen;
    uint64_t control, controllen;
    uint32_t flags;
    uint32_t pad2;
};
static_assert(sizeof(struct user_msghdr) == 56, "as struct msghdr of C libraries");

struct user_mmsghdr {
    struct user_msghdr hdr;
    uint32_t len;
    uint32_t pad;
};

struct user_cmsghdr {
    uint64_t len; /* with this header */
    int32_t level, type;
};
#define CMSG_STEP(len) align_up((len), sizeof(uint64_t))

struct user_ucred {
    uint32_t pid, uid, gid;
};

#endif
