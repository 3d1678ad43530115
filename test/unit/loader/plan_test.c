/* SPDX-License-Identifier: MIT */
// sources: loader/plan.c loader/flow.c loader/insn.c
// fakes: heap log
// sources: build/source/zydis/src/Decoder.c build/source/zydis/src/DecoderData.c
// sources: build/source/zydis/src/SharedData.c
// cflags: -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD -DZYDIS_MINIMAL_MODE -DNDEBUG
// cflags: -DZYDIS_DISABLE_ENCODER -DZYDIS_DISABLE_FORMATTER -DZYDIS_DISABLE_SEGMENT
// cflags: -DZYDIS_DISABLE_KNC -isystem build/source/zydis/include
// cflags: -isystem build/source/zycore/usr/include -Ibuild/source/zydis/src
/* Judging of sites as C libraries and compilers make them, and the stubs that come of it. */
#include "loader/plan.h"

#include <asm/errno.h>

#include "test/unit/check.h"
#include "test/unit/loader/oracle.h"

#define HERE 0x7e1234567000UL
#define SLOT_PAGE 0x7e12340f1000UL

/* A function, what lies behind it, and what must come of its site. */
struct shape {
    const char *name, *bytes;
    unsigned len, behind; /* of the function; more bytes that can be read */
    unsigned site;
    enum plan_reason why;
    bool forward;
    unsigned patch, nmoved; /* offset in the function */
};

#define SYSCALL "\x0f\x05"
#define CMP_ERRNO "\x48\x3d\x00\xf0\xff\xff" /* cmp $-4096,%rax */
#define NOP8 "\x0f\x1f\x84\x00\x00\x00\x00\x00"

static const struct shape shapes[] = {
    /* musl: mov $39,%eax; syscall; ret */
    {"getpid", "\xb8\x27\x00\x00\x00" SYSCALL "\xc3" NOP8, 8, 8, 5, PLAN_OK, false, 0, 1},
    /* musl's __set_thread_area: two instructions that could hold it, the nearer one does */
    {"set_thread_area", "\x48\x89\xfe\xbf\x02\x10\x00\x00\xb8\x9e\x00\x00\x00" SYSCALL "\xc3", 16,
     0, 13, PLAN_OK, false, 8, 1},
    /* Go: mov $39,%rax in seven bytes */
    {"go", "\x48\xc7\xc0\x27\x00\x00\x00" SYSCALL "\x48\x89\x44\x24\x20\xc3", 15, 0, 7, PLAN_OK,
     false, 0, 1},
    /* Go's registers: mov 8(%rsp),%rax; xor %r10d,%r10d; syscall */
    {"go-register", "\x48\x8b\x44\x24\x08\x45\x31\xd2" SYSCALL "\xc3", 11, 0, 8, PLAN_OK, false, 0,
     2},
    /* glibc's read: je over it; xor %eax,%eax; syscall; cmp */
    {"glibc-read", "\x80\x3d\x31\x33\x0e\x00\x00\x74\x0b\x31\xc0" SYSCALL CMP_ERRNO "\xc3\xc3\xc3",
     22, 0, 11, PLAN_OK, false, 0, 3},
    /* its second half behind a call: forward, with the cmp */
    {"glibc-forward", "\xe8\x00\x00\x00\x00\x31\xc0" SYSCALL CMP_ERRNO "\x77\x01\xc3\xc3", 19, 0, 7,
     PLAN_OK, true, 7, 1},
    /* musl's __syscall_cp_asm: mov %r11,8(%rsp); syscall; ret */
    {"cp_asm", "\x4c\x89\x5c\x24\x08" SYSCALL "\xc3", 8, 0, 5, PLAN_OK, false, 0, 1},
    /* syscall(): all from registers, the result tested behind it */
    {"syscall", "\x48\x89\xf8\x48\x89\xf7\x48\x89\xd6" SYSCALL CMP_ERRNO "\xc3", 18, 0, 9, PLAN_OK,
     true, 9, 1},
    /* a bare one with padding behind the return */
    {"bare", SYSCALL "\xc3" NOP8, 3, 8, 0, PLAN_OK, true, 0, 2},
    /* ... with another function there */
    {"bare-neighbour", SYSCALL "\xc3\x55\x48\x89\xe5", 3, 4, 0, PLAN_UNPROVEN, false, 0, 0},
    /* ... and nothing there */
    {"bare-end", SYSCALL "\xc3", 3, 0, 0, PLAN_MAPPING_END, false, 0, 0},
    /* a call cannot move, nor what is in front of it */
    {"behind-call", "\xe8\x00\x00\x00\x00" SYSCALL "\xe8\x00\x00\x00\x00\xc3", 13, 0, 5,
     PLAN_IMMOVABLE, false, 0, 0},
    /* two sites that share an instruction: each is judged by itself */
    {"second-of-two", "\xb8\x27\x00\x00\x00" SYSCALL "\x89\xd8" SYSCALL "\xc3" NOP8, 12, 8, 9,
     PLAN_OK, true, 9, 2},
    /* a jump to the syscall itself: forward, or it would trap every time */
    {"entered", "\xb8\x27\x00\x00\x00" SYSCALL CMP_ERRNO "\x74\xf6\xc3", 16, 0, 5, PLAN_OK, true, 5,
     1},
    /* a jump into the instruction that would hold the patch: nothing is certain */
    {"misled", "\xb8\x27\x00\x00\x00" SYSCALL "\x74\xfb\xc3\xc3\xc3", 12, 0, 5, PLAN_OK, true, 5,
     2},
    {"misled-both", "\xb8\x27\x00\x00\x00" SYSCALL CMP_ERRNO "\x74\xf3\x74\xf8\xc3", 18, 0, 5,
     PLAN_UNPROVEN, false, 0, 0},
    /* an old C library jumps over this prefix */
    {"lock-behind", "\x31\xc0" SYSCALL "\xf0\x0f\xb1\x0f\xc3", 9, 0, 2, PLAN_UNPROVEN, false, 0, 0},
    /* bytes of a syscall inside an instruction are none */
    {"inside", "\xb8\x0f\x05\x00\x00\xc3", 6, 0, 1, PLAN_UNPROVEN, false, 0, 0},
};

static struct flow *flow_of(const void *bytes, unsigned len, unsigned behind)
{
    struct flow *f = flow_create(len);
    CHECK(f != NULL);
    memcpy(f->bytes, bytes, len + behind);
    f->text.addr = HERE;
    f->text.len = len + behind;
    return f;
}

/* Stubs at places that fit do what was there. */
static void build(const struct plan *p, const struct text *text)
{
    unsigned built = 0;
    CHECK_EQ(oracle_plan(p, text), 0);
    for (unsigned i = 0; i < 100000 && built < 20; i++) {
        uint64_t stub = p->patch - 0x40000000UL + check_below(0x7f000000UL);
        struct plan_stub s;
        if (!plan_fits(p, stub)) {
            continue;
        }
        CHECK_EQ(plan_build(p, text, stub, SLOT_PAGE, &s), 0);
        CHECK_EQ(oracle_stub(p, text, stub, SLOT_PAGE, &s), 0);
        for (unsigned k = 1; k < PLAN_PATCH_LEN; k++) {
            CHECK((p->invalid >> k & 1) == 0 || insn_is_invalid(s.patch[k]));
        }
        built++;
    }
    CHECK_EQ(built, 20);
}

static void judge(const struct shape *s)
{
    struct plan p;
    struct flow *f = flow_of(s->bytes, s->len, s->behind);
    printf("  %s\n", s->name);
    CHECK(flow_linear(f, s->len));
    CHECK_EQ(plan_site(f, HERE + s->site, &p), s->why);
    if (s->why == PLAN_OK) {
        CHECK_EQ(p.forward, s->forward);
        CHECK_EQ(p.patch - HERE, s->patch);
        CHECK_EQ(p.nmoved, s->nmoved);
        CHECK_EQ(p.site, HERE + s->site);
        build(&p, &f->text);
    }
    flow_destroy(f);
}

static void sites(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(shapes); i++) {
        judge(&shapes[i]);
    }
}

static enum plan_reason executed(const char *bytes, size_t len, bool returns, struct plan *p)
{
    struct text text = {(const uint8_t *)bytes, HERE, len};
    enum plan_reason why = plan_executed(&text, returns, p);
    if (why == PLAN_OK) {
        build(p, &text);
    }
    return why;
}

/* What execution proves: up to the first jump or return behind it, and padding. */
static void executed_sites(void)
{
    struct plan p;
    CHECK_EQ(executed(SYSCALL CMP_ERRNO, 8, true, &p), PLAN_OK);
    CHECK_EQ(p.nmoved, 1);
    CHECK_EQ(executed(SYSCALL "\x77\x10\xc3", 5, true, &p), PLAN_OK); /* a branch may go on */
    CHECK_EQ(p.nmoved, 2);
    CHECK_EQ(executed(SYSCALL "\xc3\x90\x90", 5, true, &p), PLAN_OK);
    CHECK_EQ(executed(SYSCALL "\xc3\x66\x90", 5, true, &p), PLAN_OK);
    CHECK_EQ(executed(SYSCALL "\xc3\x55\x48\x89\xe5", 7, true, &p), PLAN_UNPROVEN);
    CHECK_EQ(executed(SYSCALL CMP_ERRNO, 8, false, &p), PLAN_UNPROVEN); /* sigreturn */
    CHECK_EQ(executed(SYSCALL "\x90\x90\x90", 5, false, &p), PLAN_OK);
    CHECK_EQ(executed(SYSCALL "\x48\x3d\x00", 5, true, &p), PLAN_UNPROVEN); /* cut off */
    CHECK_EQ(executed(SYSCALL, 2, true, &p), PLAN_MAPPING_END);
    CHECK_EQ(executed(SYSCALL "\x06\x00\x00", 5, true, &p), PLAN_UNPROVEN);
    CHECK_EQ(executed(SYSCALL "\xff\xd0\x90", 5, true, &p), PLAN_IMMOVABLE);
}

/* A stub out of reach, or with a valid opcode where an instruction began, does not fit. */
static void fits(void)
{
    struct plan p = {.site = HERE, .patch = HERE};
    CHECK(plan_fits(&p, HERE + 0x7fffffffUL + 5));
    CHECK(!plan_fits(&p, HERE + 0x80000000UL + 5));
    CHECK(plan_fits(&p, HERE - 0x80000000UL + 5));
    CHECK(!plan_fits(&p, HERE - 0x80000000UL + 4));
    p.invalid = 1U << 2 | 1U << 4;
    CHECK(plan_fits(&p, HERE + 5 + 0x06900600UL));
    CHECK(!plan_fits(&p, HERE + 5 + 0x06900690UL - 0x06000000UL));
    CHECK(!plan_fits(&p, HERE + 5 + 0x90060690UL - 0x90000000UL));
    for (unsigned rel = 0; rel < 1U << 16; rel++) { /* byte 2 of the patch is bits 8 to 15 */
        p.invalid = 1U << 2;
        CHECK_EQ(plan_fits(&p, HERE + 5 + rel), insn_is_invalid((uint8_t)(rel >> 8)));
    }
}

/* What is moved must reach what it means from the stub. */
static void out_of_reach(void)
{
    struct plan p;
    struct plan_stub s;
    struct flow *f = flow_of(shapes[4].bytes, shapes[4].len, 0);
    CHECK(flow_linear(f, shapes[4].len));
    CHECK_EQ(plan_site(f, HERE + shapes[4].site, &p), PLAN_OK);
    CHECK_EQ(plan_build(&p, &f->text, HERE - 0x7ffffff0UL, HERE, &s), -ERANGE);
    CHECK_EQ(plan_build(&p, &f->text, HERE + (4UL << 30), HERE, &s), -ERANGE);
    CHECK_EQ(plan_build(&p, &f->text, HERE + 0x1000, HERE + (4UL << 30), &s), -ERANGE);
    CHECK_EQ(plan_build(&p, &f->text, HERE + 0x1000, HERE, &s), 0);
    flow_destroy(f);
}

/* Random functions of real instructions with sites in them. */
static void random_functions(void)
{
    static const char *const parts[] = {
        "\x31\xc0",
        "\xb8\x01\x00\x00\x00",
        "\x48\x89\xf8",
        "\x74\x02",
        "\xeb\x03",
        "\xc3",
        SYSCALL,
        "\x90",
        CMP_ERRNO,
        "\x8b\x05\x10\x00\x00\x00",
        "\xe8\x05\x00\x00\x00",
        "\x75\xf0",
        "\x0f\x84\xf0\xff\xff\xff",
        "\xff\xe0"
    };
    static const uint8_t lens[] = {2, 5, 3, 2, 2, 1, 2, 1, 6, 6, 5, 2, 6, 2};
    unsigned planned = 0;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t bytes[256 + FLOW_BEHIND] = {0};
        unsigned len = 0;
        while (len < 200 + check_below(40)) {
            unsigned k = (unsigned)check_below(ARRAY_LEN(parts));
            memcpy(bytes + len, parts[k], lens[k]);
            len += lens[k];
        }
        struct flow *f = flow_of(bytes, len, FLOW_BEHIND);
        CHECK(flow_linear(f, len));
        for (unsigned at = 0; at + 1 < len; at++) {
            struct plan p;
            bool site = bytes[at] == 0x0f && bytes[at + 1] == 0x05;
            if (site && plan_site(f, HERE + at, &p) == PLAN_OK) {
                planned++;
                CHECK_EQ(oracle_plan(&p, &f->text), 0);
            }
        }
        flow_destroy(f);
    }
    CHECK(planned > 10000);
}

TESTS(sites, executed_sites, fits, out_of_reach, random_functions)
