/* SPDX-License-Identifier: MIT */
/* lwIP's <string.h>: the kernel's own. */
#ifndef NET_LWIP_STRING_H
#define NET_LWIP_STRING_H

#include "kernel/base/string.h"

#endif
