/* SPDX-License-Identifier: MIT */
/* ioctls that ask for network interfaces, on any socket. */
#ifndef NET_IFREQ_H
#define NET_IFREQ_H

#include "kernel/base/base.h"

/* ifreq_ioctl: Returns 0, -ENOTTY: it is none of these, -ENODEV, -EADDRNOTAVAIL, -EPERM,
 * -EOPNOTSUPP, -EFAULT. */
long ifreq_ioctl(unsigned cmd, uint64_t arg);

#endif
