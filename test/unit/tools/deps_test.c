/* SPDX-License-Identifier: MIT */
// cflags: -D_GNU_SOURCE
// sources: tools/elfin/deps.c tools/elfin/executable.c tools/elfin/ldcache.c tools/elfin/words.c
// sources: tools/elfin/tree.c tools/elfin/treecopy.c tools/elfin/report.c
// libs: -lelf
/* The search for libraries in a made-up root of made-up ELF files. */
#include "tools/elfin/deps.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "test/unit/check.h"
#include "tools/elfin/report.h"

#define MUSL "/lib/ld-musl-x86_64.so.1"
#define GLIBC "/lib64/ld-linux-x86-64.so.2"
#define BASE 0x1000

static char root[64];

/* An ELF file: one segment with everything, a dynamic section and an interpreter. */
struct file {
    Elf64_Ehdr header;
    Elf64_Phdr segments[3];
    Elf64_Dyn dynamic[12];
    char interpreter[64];
    char strings[256];
};

static void make_root(void)
{
    strcpy(root, "/tmp/elfin-deps-XXXXXX");
    CHECK(mkdtemp(root) != NULL);
}

static void remove_root(void)
{
    char *command = text_format("rm -r %s", root);
    CHECK_EQ(system(command), 0);
    free(command);
}

static void write_file(const char *path, const void *data, size_t len)
{
    char *command = text_format("mkdir -p $(dirname %s%s)", root, path);
    CHECK_EQ(system(command), 0);
    free(command);
    char *place = text_format("%s%s", root, path);
    int fd = open(place, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, data, len), len);
    close(fd);
    free(place);
}

/* entries: pairs of tag and text, ended by a zero tag. */
struct entry {
    long tag;
    const char *text;
};

static void make_elf(const char *path, const char *interpreter, const struct entry *entries)
{
    struct file f = {.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
                                .e_type = ET_DYN,
                                .e_machine = EM_X86_64,
                                .e_phoff = offsetof(struct file, segments),
                                .e_phentsize = sizeof(Elf64_Phdr),
                                .e_phnum = 3}};
    size_t used = 1;
    unsigned n = 0;
    f.dynamic[n++] = (Elf64_Dyn){DT_STRTAB, {BASE + offsetof(struct file, strings)}};
    f.dynamic[n++] = (Elf64_Dyn){DT_STRSZ, {sizeof(f.strings)}};
    for (; entries->tag != 0; entries++) {
        f.dynamic[n++] = (Elf64_Dyn){entries->tag, {used}};
        strcpy(f.strings + used, entries->text);
        used += strlen(entries->text) + 1;
    }
    f.segments[0] = (Elf64_Phdr){
        .p_type = PT_LOAD, .p_vaddr = BASE, .p_filesz = sizeof(f), .p_memsz = sizeof(f)};
    f.segments[1] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
                                 .p_offset = offsetof(struct file, dynamic),
                                 .p_filesz = sizeof(f.dynamic)};
    f.segments[2] = (Elf64_Phdr){.p_type = PT_NULL};
    if (interpreter != NULL) {
        strcpy(f.interpreter, interpreter);
        f.segments[2] = (Elf64_Phdr){.p_type = PT_INTERP,
                                     .p_offset = offsetof(struct file, interpreter),
                                     .p_filesz = strlen(interpreter) + 1};
    }
    write_file(path, &f, sizeof(f));
}

#define ELF(path, interpreter, ...) \
    make_elf(path, interpreter, (const struct entry[]){__VA_ARGS__ __VA_OPT__(, ){0, NULL}})

/* Close over /bin/program. found: the objects behind the interpreter, separated by blanks. */
static void expect(int status, const char *library_path, const char *found)
{
    struct tree t;
    struct deps d;
    struct executable e;
    tree_init(&t, root);
    CHECK_EQ(tree_add_copy(&t, root, "/"), 0);
    char *program = text_format("%s/bin/program", root);
    CHECK_EQ(executable_read(program, &e, NULL), EXECUTABLE_OK);
    deps_init(&d, &t, library_path, true);
    CHECK_EQ(deps_add_program(&d, "/bin/program", &e), status);
    struct text got = {0};
    text_add_string(&got, "");
    for (const struct deps_object *o = d.first; o != NULL; o = o->next) {
        text_add_format(&got, "%s%s", o == d.first ? "" : " ", o->path);
    }
    if (status == 0) {
        CHECK_STR(got.data, found);
    }
    text_fini(&got);
    deps_fini(&d);
    executable_fini(&e);
    tree_fini(&t);
    free(program);
}

static void statically_linked(void)
{
    make_root();
    ELF("/bin/program", NULL, );
    expect(0, NULL, "");
    remove_root();
}

static void missing_parts(void)
{
    make_root();
    ELF("/bin/program", GLIBC, {DT_NEEDED, "liba.so"});
    expect(STATUS_NOT_FOUND, NULL, "");
    ELF(GLIBC, NULL, );
    expect(STATUS_NOT_FOUND, NULL, "");
    write_file("/lib/liba.so", "text", 4); /* not ELF: passed over */
    expect(STATUS_NOT_FOUND, NULL, "");
    ELF("/usr/lib/liba.so", NULL, );
    expect(0, NULL, GLIBC " /bin/program /usr/lib/liba.so");
    write_file(GLIBC, "text", 4);
    expect(STATUS_NOT_EXECUTABLE, NULL, "");
    remove_root();
}

/* RPATH comes before LD_LIBRARY_PATH, RUNPATH after it; only RPATH holds for libraries' needs. */
static void search_paths(void)
{
    make_root();
    ELF(GLIBC, NULL, );
    ELF("/one/liba.so", NULL, {DT_NEEDED, "libb.so"});
    ELF("/two/liba.so", NULL, {DT_NEEDED, "libb.so"});
    ELF("/one/libb.so", NULL, );
    ELF("/lib/libb.so", NULL, );
    ELF("/bin/program", GLIBC, {DT_NEEDED, "liba.so"}, {DT_RPATH, "/none:/one"});
    expect(0, "/two", GLIBC " /bin/program /one/liba.so /one/libb.so");
    ELF("/bin/program", GLIBC, {DT_NEEDED, "liba.so"}, {DT_RUNPATH, "/one"});
    expect(0, "/two", GLIBC " /bin/program /two/liba.so /lib/libb.so");
    expect(0, NULL, GLIBC " /bin/program /one/liba.so /lib/libb.so");
    ELF("/bin/program", GLIBC, {DT_NEEDED, "liba.so"}, {DT_RUNPATH, "$ORIGIN/../two"});
    expect(0, NULL, GLIBC " /bin/program /two/liba.so /lib/libb.so");
    ELF("/bin/program", GLIBC, {DT_NEEDED, "liba.so"}, {DT_RUNPATH, "${ORIGIN}/../one"});
    expect(0, NULL, GLIBC " /bin/program /one/liba.so /lib/libb.so");
    ELF("/bin/program", GLIBC, {DT_NEEDED, "/two/liba.so"});
    expect(0, NULL, GLIBC " /bin/program /two/liba.so /lib/libb.so");
    remove_root();
}

/* A circle ends, a name once found is not searched again, also not by its soname. */
static void taken_once(void)
{
    make_root();
    ELF(GLIBC, NULL, );
    ELF("/lib/liba.so", NULL, {DT_SONAME, "libold.so"}, {DT_NEEDED, "libb.so"});
    ELF("/lib/libb.so", NULL, {DT_NEEDED, "liba.so"}, {DT_NEEDED, "libold.so"});
    ELF("/bin/program", GLIBC, {DT_NEEDED, "liba.so"}, {DT_NEEDED, "libb.so"});
    expect(0, NULL, GLIBC " /bin/program /lib/liba.so /lib/libb.so");
    remove_root();
}

static void builds_for_newer_processors(void)
{
    make_root();
    ELF(GLIBC, NULL, );
    ELF("/lib/liba.so", NULL, );
    ELF("/lib/glibc-hwcaps/x86-64-v3/liba.so", NULL, );
    ELF("/bin/program", GLIBC, {DT_NEEDED, "liba.so"});
    expect(0, NULL, GLIBC " /bin/program /lib/liba.so /lib/glibc-hwcaps/x86-64-v3/liba.so");
    remove_root();
}

/* musl: its own names are itself, RUNPATH counts like RPATH, folders come from its path file. */
static void musl(void)
{
    make_root();
    ELF(MUSL, NULL, );
    ELF("/odd/libb.so", NULL, );
    ELF("/one/liba.so", NULL, {DT_NEEDED, "libb.so"});
    ELF("/bin/program", MUSL, {DT_NEEDED, "libc.so"}, {DT_NEEDED, "liba.so"}, {DT_RUNPATH, "/one"});
    expect(STATUS_NOT_FOUND, NULL, "");
    write_file("/etc/ld-musl-x86_64.path", "/none\n/odd\n", 11);
    expect(0, NULL, MUSL " /bin/program /one/liba.so /odd/libb.so");
    remove_root();
}

TESTS(statically_linked, missing_parts, search_paths, taken_once, builds_for_newer_processors, musl)
