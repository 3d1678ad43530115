/* SPDX-License-Identifier: MIT */
// sources: loader/config.c
// fakes: heap log
/* Fuzz target of the boot configuration: the input is its text, behind a byte that makes an
 * allocation fail. What is accepted must keep what loader/config.h promises. */
#include "loader/config.h"

#include <asm/errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/heap.h"
#include "test/fake/heap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void check_list(char *const *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        require(list[i] != NULL);
    }
    require(list[n] == NULL);
}

static void check(const struct config *c, size_t size)
{
    size_t hostname = strlen(c->hostname);
    require(c->exec[0] == '/' && c->cwd[0] == '/');
    require(hostname >= 1 && hostname <= 64);
    require(c->uid != UINT32_MAX && c->gid != UINT32_MAX);
    require(c->nargs <= size && c->nenv <= size);
    require(c->net.ip.n <= 8 && c->net.gw.n <= 2 && c->net.dns.n <= 3);
    require(c->net.mode == CONFIG_NET_NONE || c->net.mode == CONFIG_NET_STATIC ||
            c->net.mode == CONFIG_NET_DHCP);
    check_list(c->args, c->nargs);
    check_list(c->env, c->nenv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config c;
    unsigned line = 0;
    long before = fake_heap_in_use();
    if (size == 0) {
        return 0;
    }
    heap_fail_after(data[0]);
    int err = config_parse((const char *)data + 1, size - 1, &c, &line);
    heap_fail_after(0);
    require(err == 0 || err == -EINVAL || (err == -ENOMEM && data[0] != 0));
    require(line >= 1 && line <= size + 1);
    if (err == 0) {
        check(&c, size);
        config_destroy(&c);
    }
    require(fake_heap_in_use() == before);
    return 0;
}
