/* SPDX-License-Identifier: MIT */
// sources: loader/plan.c loader/flow.c loader/insn.c
// fakes: heap log
// sources: build/source/zydis/src/Decoder.c build/source/zydis/src/DecoderData.c
// sources: build/source/zydis/src/SharedData.c
// cflags: -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD -DZYDIS_MINIMAL_MODE -DNDEBUG
// cflags: -DZYDIS_DISABLE_ENCODER -DZYDIS_DISABLE_FORMATTER -DZYDIS_DISABLE_SEGMENT
// cflags: -DZYDIS_DISABLE_KNC -isystem build/source/zydis/include
// cflags: -isystem build/source/zycore/usr/include -Ibuild/source/zydis/src
/* Fuzz target of the rewriter: the input is code, behind two bytes that choose where the stub lies.
 * Each site that is planned must obey the rules of a patch, and its stub, decoded again, do what
 * was there (test/unit/loader/oracle.h). */
#include "loader/plan.h"

#include <stdlib.h>

#include "test/unit/loader/oracle.h"

#define HERE 0x7e1234567000UL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void check(const struct plan *p, const struct text *text, uint64_t seed)
{
    struct plan_stub s;
    require(oracle_plan(p, text) == 0);
    for (unsigned i = 0; i < 16; i++) {
        seed = seed * 6364136223846793005UL + 1442695040888963407UL;
        uint64_t stub = p->patch - 0x40000000UL + (seed >> 33);
        bool fits = plan_fits(p, stub);
        if (plan_build(p, text, stub, HERE, &s) == 0) {
            require(oracle_stub(p, text, stub, HERE, &s) == 0);
        }
        for (unsigned k = 1; fits && k < PLAN_PATCH_LEN; k++) {
            uint8_t byte = (uint8_t)((stub - p->patch - PLAN_PATCH_LEN) >> (8 * (k - 1)));
            require((p->invalid >> k & 1) == 0 || insn_is_invalid(byte));
        }
    }
}

static void plan_all(const struct flow *f, uint64_t seed)
{
    struct plan p;
    for (uint64_t at = 0; at + 1 < f->text.len; at++) {
        const uint8_t *b = f->text.bytes + at;
        struct text text = {b, HERE + at, f->text.len - at};
        if (plan_site(f, HERE + at, &p) == PLAN_OK) {
            require(b[0] == 0x0f && b[1] == 0x05 && p.site == HERE + at);
            check(&p, &f->text, seed);
        }
        bool site = b[0] == 0x0f && b[1] == 0x05;
        if (site && plan_executed(&text, (seed & 1) != 0, &p) == PLAN_OK) {
            check(&p, &text, seed);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    uint64_t seed = data[0] | (uint64_t)data[1] << 8;
    size_t len = size - 2;
    struct flow *f = flow_create(len);
    require(f != NULL);
    memcpy(f->bytes, data + 2, len);
    f->text.addr = HERE;
    f->text.len = len;
    if (flow_descend(f)) {
        plan_all(f, seed);
    }
    flow_clear(f);
    if (flow_linear(f, len)) {
        plan_all(f, seed);
    }
    flow_destroy(f);
    return 0;
}
