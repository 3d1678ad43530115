/* SPDX-License-Identifier: MIT */
/* Start info of the PVH boot protocol. It, the command line and the memory map lie in the first
 * MiB, which is mapped read-only; tables elsewhere are read through the direct map
 * if they are in its first GiB. Nothing here is trusted to be in range. Written once at boot, no
 * locks.
 * Source: Xen, xen/include/public/arch-x86/hvm/start_info.h. */
#include "platform/boot.h"

#include <asm/errno.h>

#include "kernel/base/string.h"

#define START_MAGIC 0x336ec578
#define MEMMAP_RAM 1
#define MEMMAP_MAX 64
#define DIRECT_FIRST (4UL << 20) /* the direct map lacks the monitor and the image */
#define DIRECT_LIMIT (1UL << 30)
#define CMDLINE_MAX 4096

struct start_info {
    uint32_t magic, version, flags, nr_modules;
    uint64_t modlist_pa, cmdline_pa, rsdp_pa;
    uint64_t memmap_pa; /* version 1 and later */
    uint32_t memmap_entries, reserved;
};
static_assert(sizeof(struct start_info) == 56, "hvm_start_info");

struct module {
    uint64_t pa, size, cmdline_pa, reserved;
};
static_assert(sizeof(struct module) == 32, "hvm_modlist_entry");

struct memmap_entry {
    uint64_t pa, size;
    uint32_t type, reserved;
};
static_assert(sizeof(struct memmap_entry) == 24, "hvm_memmap_table_entry");

static const struct boot_info *the_info;
static struct start_info start;
static const char *cmdline = ""; /* not always NUL-ended within cmdline_len */
static size_t cmdline_len;

const struct boot_info *boot_info(void)
{
    return the_info;
}

/* Readable address of [pa, pa + len), NULL when we cannot see it. */
static const void *physical(uint64_t pa, size_t len)
{
    uint64_t end;
    if (pa == 0 || !add_ok(pa, len, &end)) {
        return NULL;
    }
    if (end <= SHARED_LOWMEM_LEN) {
        return (const void *)(uintptr_t)(the_info->shared + SHARED_LOWMEM + pa);
    }
    if (pa >= DIRECT_FIRST && end <= DIRECT_LIMIT) {
        return (const void *)(uintptr_t)(the_info->direct_map + pa);
    }
    return NULL;
}

void boot_init(const struct boot_info *info)
{
    the_info = info;
    const struct start_info *s = physical(info->start_info_pa, sizeof(start));
    if (s == NULL || s->magic != START_MAGIC) {
        return;
    }
    start = *s;
    const char *text = physical(start.cmdline_pa, 1);
    if (text != NULL) {
        size_t room = start.cmdline_pa < SHARED_LOWMEM_LEN ? SHARED_LOWMEM_LEN - start.cmdline_pa
                                                           : CMDLINE_MAX;
        cmdline = text;
        cmdline_len = strnlen(text, min(room, (size_t)CMDLINE_MAX));
    }
}

/* The word at or after *pos; false at the end. */
static bool next_word(size_t *pos, const char **word, size_t *len)
{
    size_t at = *pos;
    while (at < cmdline_len && cmdline[at] == ' ') {
        at++;
    }
    size_t end = at;
    while (end < cmdline_len && cmdline[end] != ' ') {
        end++;
    }
    *word = cmdline + at;
    *len = end - at;
    *pos = end;
    return end != at;
}

long boot_option_next(const char *name, size_t *pos, char *out, size_t cap)
{
    size_t name_len = strlen(name);
    const char *word;
    size_t len;
    while (next_word(pos, &word, &len)) {
        if (len < name_len || memcmp(word, name, name_len) != 0) {
            continue;
        }
        size_t skip = name_len;
        if (len > name_len && word[name_len] != '=') {
            continue;
        }
        skip += len > name_len ? 1 : 0;
        if (len - skip >= cap) {
            return -ENAMETOOLONG;
        }
        memcpy(out, word + skip, len - skip);
        out[len - skip] = 0;
        return (long)(len - skip);
    }
    return -ENOENT;
}

long boot_option(const char *name, char *out, size_t cap)
{
    size_t pos = 0;
    return boot_option_next(name, &pos, out, cap);
}

int boot_initrd(struct pa *first, size_t *len)
{
    const struct module *m = start.nr_modules != 0 ? physical(start.modlist_pa, sizeof(*m)) : NULL;
    if (m == NULL || m->size == 0) {
        return -ENOENT;
    }
    *first = (struct pa){m->pa};
    *len = m->size;
    return 0;
}

int boot_ram(unsigned n, struct pa *first, struct pa *end)
{
    unsigned entries = start.version >= 1 ? min(start.memmap_entries, (uint32_t)MEMMAP_MAX) : 0;
    const struct memmap_entry *map = physical(start.memmap_pa, entries * sizeof(*map));
    for (unsigned i = 0; map != NULL && i < entries; i++) {
        uint64_t limit;
        if (map[i].type != MEMMAP_RAM || !add_ok(map[i].pa, map[i].size, &limit) || n-- != 0) {
            continue;
        }
        *first = (struct pa){align_up(map[i].pa, PAGE_SIZE)};
        *end = (struct pa){min(align_down(limit, PAGE_SIZE), (uint64_t)MAX_RAM_GIB << 30)};
        return 0;
    }
    return -ENOENT;
}

uint64_t boot_rsdp(void)
{
    return start.rsdp_pa;
}
