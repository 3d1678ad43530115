/* SPDX-License-Identifier: MIT */
// sources: platform/boot.c
// fakes: log
/* Start info of PVH: the command line, memory map and initrd, and values that lie. */
#include "platform/boot.h"

#include <asm/errno.h>
#include <string.h>

#include "test/unit/check.h"

#define MAGIC 0x336ec578
#define LOW_INFO 0x6000 /* physical places */
#define LOW_TEXT 0x7000
#define LOW_MAP 0x8000
#define LOW_MODULE 0x9000
#define HIGH_TEXT (4UL << 20)

static struct {
    uint32_t magic, version, flags, nr_modules;
    uint64_t modlist_pa, cmdline_pa, rsdp_pa, memmap_pa;
    uint32_t memmap_entries, reserved;
} info;

static char *low, *high;
static struct boot_info boot;

static void start(const char *text)
{
    low = calloc(1, SHARED_LOWMEM_LEN);
    high = malloc(8192);
    memset(high, ' ', 8192);
    memset(&info, 0, sizeof(info));
    info.magic = MAGIC;
    info.version = 1;
    info.cmdline_pa = LOW_TEXT;
    strcpy(low + LOW_TEXT, text);
    boot = (struct boot_info){.start_info_pa = LOW_INFO};
    boot.shared = (uint64_t)(uintptr_t)low - SHARED_LOWMEM;
    boot.direct_map = (uint64_t)(uintptr_t)high - HIGH_TEXT;
}

static void begin(void)
{
    memcpy(low + LOW_INFO, &info, sizeof(info));
    boot_init(&boot);
}

static void stop(void)
{
    free(low);
    free(high);
}

static void options(void)
{
    char out[16];
    start("  log=debug  quiet dev=a logs=no dev=bb  dev empty= name=0123456789abcdef ");
    begin();
    CHECK_EQ(boot_option("log", out, sizeof(out)), 5);
    CHECK_STR(out, "debug");
    CHECK_EQ(boot_option("quiet", out, sizeof(out)), 0);
    CHECK_STR(out, "");
    CHECK_EQ(boot_option("empty", out, sizeof(out)), 0);
    CHECK_EQ(boot_option("lo", out, sizeof(out)), -ENOENT);
    CHECK_EQ(boot_option("nothing", out, sizeof(out)), -ENOENT);
    CHECK_EQ(boot_option("name", out, sizeof(out)), -ENAMETOOLONG);
    CHECK_EQ(boot_option("name", out, 0), -ENAMETOOLONG);
    size_t pos = 0;
    CHECK_EQ(boot_option_next("dev", &pos, out, sizeof(out)), 1);
    CHECK_STR(out, "a");
    CHECK_EQ(boot_option_next("dev", &pos, out, sizeof(out)), 2);
    CHECK_STR(out, "bb");
    CHECK_EQ(boot_option_next("dev", &pos, out, sizeof(out)), 0);
    CHECK_EQ(boot_option_next("dev", &pos, out, sizeof(out)), -ENOENT);
    CHECK(boot_info() == &boot);
    stop();
}

/* The text may lie high, end exactly at the end of what is seen, or be nowhere. */
static void places(void)
{
    char out[8];
    start("");
    info.cmdline_pa = HIGH_TEXT;
    strcpy(high, "a=1");
    begin();
    CHECK_EQ(boot_option("a", out, sizeof(out)), 1);
    stop();
    start("");
    info.cmdline_pa = SHARED_LOWMEM_LEN - 3;
    memcpy(low + SHARED_LOWMEM_LEN - 3, "b=2", 3); /* no NUL within reach */
    begin();
    CHECK_EQ(boot_option("b", out, sizeof(out)), 1);
    CHECK_STR(out, "2");
    stop();
    static const uint64_t bad[] = {0,         SHARED_LOWMEM_LEN, 1UL << 20,
                                   1UL << 30, UINT64_MAX,        1UL << 63};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct pa pa;
        struct pa end;
        size_t len;
        start("c=3");
        info.nr_modules = 1;
        info.memmap_entries = 2;
        info.cmdline_pa = info.modlist_pa = info.memmap_pa = bad[i];
        begin();
        CHECK_EQ(boot_initrd(&pa, &len), -ENOENT);
        CHECK_EQ(boot_ram(0, &pa, &end), -ENOENT);
        stop();
    }
}

static void memory_map(void)
{
    static const struct {
        uint64_t pa, size;
        uint32_t type, reserved;
    } map[] = {{0x1000, 0x9e000, 1, 0},
               {0xf0000, 0x10000, 2, 0},
               {0x100800, 0x7ff00000, 1, 0},
               {UINT64_MAX - 5, 100, 1, 0}, /* wraps: skipped */
               {4UL << 30, 1UL << 45, 1, 0}};
    struct pa first;
    struct pa end;
    start("");
    memcpy(low + LOW_MAP, map, sizeof(map));
    info.memmap_pa = LOW_MAP;
    info.memmap_entries = ARRAY_LEN(map);
    begin();
    CHECK_EQ(boot_ram(0, &first, &end), 0);
    CHECK(first.v == 0x1000 && end.v == 0x9f000);
    CHECK_EQ(boot_ram(1, &first, &end), 0);
    CHECK(first.v == 0x101000 && end.v == 0x80000000); /* whole pages only */
    CHECK_EQ(boot_ram(2, &first, &end), 0);
    CHECK(first.v == 4UL << 30 && end.v == (uint64_t)MAX_RAM_GIB << 30);
    CHECK_EQ(boot_ram(3, &first, &end), -ENOENT);
    info.version = 0; /* has no memory map */
    begin();
    CHECK_EQ(boot_ram(0, &first, &end), -ENOENT);
    info.version = 1;
    info.memmap_entries = UINT32_MAX; /* only the first entries are read */
    begin();
    CHECK_EQ(boot_ram(2, &first, &end), 0);
    stop();
}

static void initrd(void)
{
    uint64_t module[4] = {0x5000000, 12345, 0, 0};
    struct pa first;
    size_t len;
    start("");
    memcpy(low + LOW_MODULE, module, sizeof(module));
    info.modlist_pa = LOW_MODULE;
    begin();
    CHECK_EQ(boot_initrd(&first, &len), -ENOENT);
    info.nr_modules = 1;
    begin();
    CHECK_EQ(boot_initrd(&first, &len), 0);
    CHECK(first.v == 0x5000000 && len == 12345);
    memset(low + LOW_MODULE, 0, sizeof(module));
    CHECK_EQ(boot_initrd(&first, &len), -ENOENT);
    stop();
}

/* No start info at all: no options, no memory. First, because boot_init keeps what it found. */
static void no_start_info(void)
{
    char out[8];
    struct pa first;
    struct pa end;
    start("a=1");
    info.magic = 7;
    begin();
    CHECK_EQ(boot_option("a", out, sizeof(out)), -ENOENT);
    CHECK_EQ(boot_ram(0, &first, &end), -ENOENT);
    boot.start_info_pa = SHARED_LOWMEM_LEN - 20; /* cut off */
    boot_init(&boot);
    CHECK_EQ(boot_option("a", out, sizeof(out)), -ENOENT);
    stop();
}

TESTS(no_start_info, options, places, memory_map, initrd)
