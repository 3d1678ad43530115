/* SPDX-License-Identifier: MIT */
// sources: loader/elf.c
// fakes: log
/* Fuzz target of the ELF parser: the input is a whole file. What the parser lets through must be
 * safe to map: see check. Source: loader/elf.h. */
#include "loader/elf.h"

#include <linux/elf.h>
#include <stdlib.h>

#include "kernel/uaccess.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void check(const struct elf_image *image)
{
    require(image->nloads > 0 && image->nloads <= ELF_MAX_LOADS);
    require(image->start < image->end && image->end <= USER_MAX);
    require(image->pie ? image->end - image->start <= ELF_MAX_SPAN : image->start >= USER_MIN);
    require(image->interp_len <= image->file_len);
    require(image->interp_offset <= image->file_len - image->interp_len);
    for (unsigned i = 0; i < image->nloads; i++) {
        const struct elf_load *l = &image->load[i];
        require(l->memsz > 0 && l->filesz <= l->memsz);
        require(l->vaddr >= image->start && l->memsz <= image->end - l->vaddr);
        if (l->filesz != 0) {
            require(l->filesz <= image->file_len && l->offset <= image->file_len - l->filesz);
            require(is_aligned(l->vaddr - l->offset, PAGE_SIZE));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct elf_image image;
    if (elf_header(data, min(size, sizeof(Elf64_Ehdr)), size, &image) != ELF_FINE) {
        return 0;
    }
    if (elf_segments(data + image.phoff, &image) == ELF_FINE) {
        check(&image);
    }
    return 0;
}
