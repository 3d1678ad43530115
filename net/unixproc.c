/* SPDX-License-Identifier: MIT */
/* /proc/net/unix: the sockets that there are. Addresses in the kernel are not told. Owns nothing;
 * flight (see unixflight.c) is held while it is written. Source: proc(5). */
#include <linux/un.h>

#include "fs/textfs.h"
#include "net/unix.h"
#include "net/unixflight.h"

/* States of a socket, as uapi headers do not have them. */
#define UNCONNECTED 1
#define CONNECTING 2
#define CONNECTED 3
#define DISCONNECTING 4
#define ACCEPTS 0x10000

#define PATH_AT offsetof(struct sockaddr_un, sun_path)

static unsigned state_number(const struct unix_socket *u)
{
    bool connected = unix_state(u) == UNIX_CONNECTED;
    if (socket_file(&u->socket) == NULL) { /* nobody has accepted it */
        return connected ? CONNECTING : DISCONNECTING;
    }
    return connected ? CONNECTED : UNCONNECTED;
}

static void show_name(struct text *t, const struct unix_name *n)
{
    bool abstract = n->address[PATH_AT] == 0;
    size_t end = abstract ? n->len : n->len - 1; /* a path has a NUL behind it */
    text_print(t, " ");
    for (size_t i = PATH_AT; i < end; i++) {
        text_bytes(t, n->address[i] != 0 ? &n->address[i] : "@", 1);
    }
}

static void show_socket(struct unix_socket *u, void *ctx)
{
    struct text *t = ctx;
    const struct unix_name *n = __atomic_load_n(&u->name, __ATOMIC_ACQUIRE);
    unsigned refs = __atomic_load_n(&u->refs, __ATOMIC_RELAXED);
    unsigned flags = unix_state(u) == UNIX_LISTENING ? ACCEPTS : 0;
    text_print(t, "%016d: %08X %08X %08X %04X %02X %5lu", 0, refs + 1, 0U, flags,
               (unsigned)u->socket.type, state_number(u),
               socket_file(&u->socket) != NULL ? u->socket.ino : 0UL);
    if (n != NULL) {
        show_name(t, n);
    }
    text_print(t, "\n");
}

void unixproc_show(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "Num       RefCount Protocol Flags    Type St Inode Path\n");
    unixflight_each(show_socket, t);
}
