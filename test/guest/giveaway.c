/* SPDX-License-Identifier: MIT */
// kinds: musl-static
// memory: 10M
// elfin: --add /usr/lib/x86_64-linux-gnu/libcrypto.so.3
/* More memory than there is beside the file system's image, most of which nobody reads: what is
 * read afterwards must still be right, by read and by mapping. Without a way to have the image's
 * memory this is killed. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "/usr/lib/x86_64-linux-gnu/libcrypto.so.3"
#define TOUCHED (5UL << 20)
#define PART (128UL << 10)
#define STEPS 3

static uint64_t sum_of(const unsigned char *p, size_t len, uint64_t sum)
{
    for (size_t i = 0; i < len; i++) {
        sum = (sum ^ p[i]) * 0x100000001b3UL; /* FNV-1a */
    }
    return sum;
}

int main(void)
{
    struct stat st;
    int fd = open(FILE_NAME, O_RDONLY);
    unsigned char *own = malloc(TOUCHED);
    unsigned char *buf = malloc(PART);
    if (fd < 0 || fstat(fd, &st) != 0 || own == NULL || buf == NULL) {
        return 1;
    }
    memset(own, 0x5a, TOUCHED);
    const unsigned char *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    for (off_t i = 0; i < STEPS; i++) {
        off_t at = (st.st_size - (off_t)PART) / STEPS * i + 123;
        long n = pread(fd, buf, PART, at);
        printf("part %ld: read %ld, sum %016lx, the same mapped: %d\n", (long)i, n,
               sum_of(buf, PART, 1), memcmp(buf, map + at, PART) == 0);
    }
    printf("own memory %016lx\n", sum_of(own, TOUCHED, 1));
    return 0;
}
