/* SPDX-License-Identifier: MIT */
/* Processor identification. Names of features are those of Linux's /proc/cpuinfo, as far as
 * programs choose code by them. Source: Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix
 * E. */
#include "platform/cpumodel.h"

#include <cpuid.h>

#include "kernel/base/string.h"

#define LEAF_EXTENDED 0x80000000U
#define LEAF_NAME 0x80000002U
#define LEAF_SIZES 0x80000008U
#define LEAF_CACHE 0x80000006U

struct regs {
    unsigned r[4]; /* EAX, EBX, ECX, EDX */
};

static struct regs cpuid(unsigned leaf, unsigned sub)
{
    struct regs out = {{0, 0, 0, 0}};
    if (leaf <= (unsigned)__get_cpuid_max(leaf & LEAF_EXTENDED, NULL)) {
        __cpuid_count(leaf, sub, out.r[0], out.r[1], out.r[2], out.r[3]);
    }
    return out;
}

/* 32 names, one a bit from the lowest; "-" for those without. */
struct word {
    unsigned leaf, sub, reg;
    const char *names;
};

static const struct word words[] = {
    {1, 0, 3,
     "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts "
     "acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"},
    {LEAF_EXTENDED + 1, 0, 3,
     "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm "
     "3dnowext 3dnow"},
    {1, 0, 2,
     "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid "
     "dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand "
     "hypervisor"},
    {LEAF_EXTENDED + 1, 0, 2,
     "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop "
     "skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc "
     "perfctr_llc mwaitx - -"},
    {7, 0, 1,
     "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f "
     "avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd "
     "sha_ni avx512bw avx512vl"},
    {0xd, 1, 0,
     "xsaveopt xsavec xgetbv1 xsaves - - - - - - - - - - - - - - - - - - - - - - - - - - - -"},
    {7, 1, 0, "- - - - avx_vnni avx512_bf16 - - - - - - - - - - - - - - - - - - - - - - - - - -"},
    {7, 0, 2,
     "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni "
     "avx512_bitalg tme avx512_vpopcntdq - la57 - - - - - rdpid - bus_lock_detect cldemote - "
     "movdiri "
     "movdir64b enqcmd - -"},
    {7, 0, 3,
     "- - avx512_4vnniw avx512_4fmaps fsrm - - - avx512_vp2intersect - md_clear - - - serialize - "
     "tsxldtrk - pconfig arch_lbr ibt - amx_bf16 avx512_fp16 amx_tile amx_int8 - - flush_l1d "
     "arch_capabilities - -"},
};

void cpu_model_flags(void (*emit)(void *ctx, const char *name), void *ctx)
{
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        unsigned bits = cpuid(words[i].leaf, words[i].sub).r[words[i].reg];
        const char *at = words[i].names;
        for (unsigned bit = 0; *at != 0; bit++) {
            char name[24];
            size_t len = 0;
            while (at[len] != ' ' && at[len] != 0) {
                len++;
            }
            memcpy(name, at, len);
            name[len] = 0;
            if ((bits >> bit & 1) != 0 && name[0] != '-') {
                emit(ctx, name);
            }
            at += len + (at[len] == ' ');
        }
    }
}

void cpu_model_read(struct cpu_model *out)
{
    *out = (struct cpu_model){.levels = __get_cpuid_max(0, NULL)};
    struct regs vendor = cpuid(0, 0);
    memcpy(out->vendor, &vendor.r[1], 4);
    memcpy(out->vendor + 4, &vendor.r[3], 4);
    memcpy(out->vendor + 8, &vendor.r[2], 4);
    for (unsigned i = 0; i < 3; i++) {
        struct regs part = cpuid(LEAF_NAME + i, 0);
        memcpy(out->name + sizeof(part) * i, &part, sizeof(part));
    }
    struct regs id = cpuid(1, 0);
    unsigned family = id.r[0] >> 8 & 0xf;
    out->family = family == 0xf ? family + (id.r[0] >> 20 & 0xff) : family;
    out->model = id.r[0] >> 4 & 0xf;
    out->model |= family == 6 || family == 0xf ? id.r[0] >> 12 & 0xf0 : 0;
    out->stepping = id.r[0] & 0xf;
    out->clflush_size = (id.r[1] >> 8 & 0xff) * 8;
    out->cache_kib = cpuid(LEAF_CACHE, 0).r[2] >> 16;
    unsigned sizes = cpuid(LEAF_SIZES, 0).r[0];
    out->physical_bits = sizes & 0xff;
    out->virtual_bits = sizes >> 8 & 0xff;
}
