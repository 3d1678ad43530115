/* SPDX-License-Identifier: MIT */
/* syslog(2), the log of the kernel. What Elfin has to say goes to the host at once and none of it
 * is kept, so the log is always empty: reading waits for what never comes. Source: syslog(2). */
#include <asm/errno.h>
#include <linux/capability.h>

#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"
#include "syscall/calls.h"

#define LEVEL_MAX 8
#define BUFFER_SIZE 131072 /* as of a Linux as it comes */

/* of syslog(2): no uapi header has them */
enum { CLOSE, OPEN, READ, READ_ALL, READ_CLEAR, CLEAR, LOG_OFF, LOG_ON, LEVEL, UNREAD, SIZE };

static long read_log(int type, const void USER *buf, int len)
{
    struct wait_queue never;
    if (buf == NULL || len < 0) {
        return -EINVAL;
    }
    if (len == 0) {
        return 0;
    }
    if (!uaccess_ok(buf, (size_t)len)) {
        return -EFAULT;
    }
    if (type != READ) {
        return 0;
    }
    wait_queue_init(&never);
    while (wait_on(&never, TIME_NEVER) == 0) {
    }
    return -ERESTARTSYS;
}

long sys_syslog(int type, void USER *buf, int len)
{
    if (!process_capable(CAP_SYSLOG) && type != READ_ALL && type != SIZE) {
        return -EPERM;
    }
    switch (type) {
    case READ:
    case READ_ALL:
    case READ_CLEAR: return read_log(type, buf, len);
    case LEVEL: return len < 1 || len > LEVEL_MAX ? -EINVAL : 0;
    case SIZE: return BUFFER_SIZE;
    default: return type < 0 || type > SIZE ? -EINVAL : 0;
    }
}
