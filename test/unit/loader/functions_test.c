/* SPDX-License-Identifier: MIT */
// sources: loader/functions.c
// fakes: heap log
/* Functions by every kind of table, and tables that lie. */
#include "loader/functions.h"

#include <asm/errno.h>

#include "kernel/heap.h"
#include "test/fake/heap.h"
#include "test/unit/check.h"
#include "test/unit/loader/image.h"

#define HDR_ENTRIES 80U /* more than a library has that was built without tables */

static struct image image;

static int find(const struct functions *f, uint64_t addr, uint64_t *start)
{
    struct function_range r;
    int err = functions_find(f, addr, &r);
    *start = r.start;
    if (err == 0) {
        CHECK(addr >= r.start && addr - r.start < r.len);
        CHECK(r.start >= f->text_start && r.start + r.len <= f->text_end);
    }
    return err;
}

/* .eh_frame_hdr with an entry of 8 bytes of code each. */
static void add_hdr(uint32_t n)
{
    struct {
        uint8_t head[4];
        uint32_t frame, count;
        int32_t entry[HDR_ENTRIES][2];
    } h = {.head = {1, 0x1b, 0x03, 0x3b}, .count = n};
    Elf64_Phdr *ph = (Elf64_Phdr *)(void *)(image.bytes + sizeof(Elf64_Ehdr)) + 1;
    *ph = (Elf64_Phdr){
        .p_type = PT_GNU_EH_FRAME, .p_offset = 0x100, .p_vaddr = 0x100, .p_filesz = 12 + n * 8};
    for (uint32_t i = 0; i < n; i++) {
        uint64_t start = TEXT + i * 8;
        uint64_t at = 0x600 + i * 16; /* of its record */
        uint32_t fde[4] = {12, 8, (uint32_t)(start - (at + 8)), i % 3 == 0 ? 4 : 8};
        memcpy(image.bytes + at, fde, sizeof(fde));
        h.entry[i][0] = (int32_t)(start - 0x100);
        h.entry[i][1] = (int32_t)(at - 0x100);
    }
    memcpy(image.bytes + 0x100, &h, 12 + n * 8);
}

static void search_table(void)
{
    struct functions f;
    uint64_t start;
    image_init(&image);
    add_hdr(HDR_ENTRIES);
    image_symbol(&image, TEXT + 0x300, 16); /* not looked at: the table is a full one */
    image_functions(&image, &f);
    CHECK_EQ(functions_open(&f), 0);
    for (uint64_t addr = TEXT - 8; addr < TEXT + HDR_ENTRIES * 8 + 8; addr++) {
        uint64_t i = (addr - TEXT) / 8;
        bool known = addr >= TEXT && i < HDR_ENTRIES && (i % 3 != 0 || addr % 8 < 4);
        CHECK_EQ(find(&f, addr, &start), known ? 0 : -ENOENT);
        CHECK(!known || start == TEXT + i * 8);
    }
    CHECK_EQ(find(&f, TEXT + 0x304, &start), -ENOENT);
    functions_close(&f);
}

static void sections(void)
{
    struct functions f;
    uint64_t start;
    image_init(&image);
    add_hdr(3); /* too few to believe that it is all: the rest counts, too */
    image_frame(&image, TEXT + 0x100, 0x20);
    image_symbol(&image, TEXT + 0x180, 0x10);
    image_symbol(&image, TEXT + 0x200, 0); /* assembly without a size */
    image_symbol(&image, TEXT + TEXT_LEN - 8, 0x10); /* leaves the text */
    image_symbol(&image, TEXT - 0x10, 0x20);
    image_relocation(&image, TEXT + 0x240, 8);
    image_relocation(&image, TEXT + 0x250, 6); /* not RELATIVE */
    image_relocation(&image, TABLES + 8, 8); /* data */
    image_functions(&image, &f);
    CHECK_EQ(functions_open(&f), 0);
    CHECK_EQ(find(&f, TEXT + 9, &start), 0);
    CHECK_EQ(find(&f, TEXT + 0x11f, &start), 0);
    CHECK_EQ(start, TEXT + 0x100);
    CHECK_EQ(find(&f, TEXT + 0x120, &start), -ENOENT);
    CHECK_EQ(find(&f, TEXT + 0x188, &start), 0);
    CHECK_EQ(find(&f, TEXT + 0x200, &start), -ENOENT);
    CHECK_EQ(find(&f, TEXT + TEXT_LEN - 4, &start), -ENOENT);
    CHECK_EQ(functions_next(&f, TEXT), TEXT + 0x100);
    CHECK_EQ(functions_next(&f, TEXT + 0x100), TEXT + 0x180); /* the one above, not itself */
    CHECK_EQ(functions_next(&f, TEXT + 0x180), TEXT + TEXT_LEN); /* sizes of 0 do not end others */
    unsigned open = 0;
    for (size_t i = 0; i < f.nranges; i++) {
        open += f.ranges[i].len == 0;
        CHECK(i == 0 || f.ranges[i - 1].start <= f.ranges[i].start);
        CHECK(f.ranges[i].start != TEXT + 0x250);
    }
    CHECK_EQ(open, 2); /* the symbol and the relocation; the entry lies outside */
    functions_close(&f);
}

static void reads(void)
{
    struct functions f;
    uint8_t buf[32];
    image_init(&image);
    image_functions(&image, &f);
    CHECK_EQ(functions_open(&f), 0);
    CHECK_EQ(functions_read(&f, TEXT - 1, buf, 4), 0);
    CHECK_EQ(functions_read(&f, TEXT, buf, 4), 4);
    CHECK_EQ(functions_read(&f, TEXT + TEXT_LEN - 8, buf, sizeof(buf)), 8);
    CHECK_EQ(buf[7], 0xcc);
    CHECK_EQ(functions_read(&f, TEXT + TEXT_LEN, buf, 1), 0);
    functions_close(&f);
}

/* A bit here and there: nothing breaks, and what is found lies in the text (see find). */
static void lies(void)
{
    unsigned long found = 0;
    for (unsigned round = 0; round < 4000; round++) {
        struct functions f;
        uint64_t start;
        image_init(&image);
        add_hdr(round % 2 != 0 ? HDR_ENTRIES : 3);
        image_frame(&image, TEXT + 0x100, 0x20);
        image_symbol(&image, TEXT + 0x180, 0x10);
        image_relocation(&image, TEXT + 0x240, 8);
        for (unsigned i = 0; i < 1 + check_below(8); i++) {
            uint64_t at = check_below(FILE_LEN);
            at = check_below(2) != 0   ? at
                 : check_below(2) != 0 ? check_below(0x200)
                                       : FILE_LEN - 1 - check_below(0x200);
            image.bytes[at] ^= (uint8_t)(1U << check_below(8));
        }
        image_functions(&image, &f);
        CHECK_EQ(functions_open(&f), 0);
        for (uint64_t addr = TEXT - 16; addr < TEXT + TEXT_LEN + 16; addr += 4) {
            found += find(&f, addr, &start) == 0;
        }
        functions_close(&f);
    }
    CHECK(found > 100000);
}

static void no_memory(void)
{
    for (unsigned long n = 1;; n++) {
        struct functions f;
        image_init(&image);
        for (unsigned i = 0; i < 10; i++) {
            image_symbol(&image, TEXT + i * 16, 16);
        }
        image_frame(&image, TEXT + 0x100, 0x20);
        image_functions(&image, &f);
        heap_fail_after(n);
        int err = functions_open(&f);
        bool failed = fake_heap_failed();
        heap_fail_after(0);
        CHECK_EQ(err, failed ? -ENOMEM : 0);
        functions_close(&f);
        if (!failed) {
            CHECK(n > 1);
            return;
        }
    }
}

TESTS(search_table, sections, reads, lies, no_memory)
