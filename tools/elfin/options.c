/* SPDX-License-Identifier: MIT */
/* Owns the meaning of the options of `elfin run`. Options end at the program's name: what follows
 * is the program's. Source: getopt_long(3). */
#include "tools/elfin/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "tools/elfin/report.h"

#define HINT "; see elfin run --help"
#define MIB (1UL << 20)
#define MEMORY_MIN (3 * MIB) /* less does not hold the kernel */
#define CPUS_MAX 8
#define MEMORY_MAX (512UL << 30) /* what the kernel's map of memory has room for */

enum long_option {
    OPTION_ROOT = 256,
    OPTION_CPUS,
    OPTION_ADD,
    OPTION_ACCEL,
    OPTION_NO_REWRITE,
    OPTION_STATS,
    OPTION_DRY_RUN,
    OPTION_KEEP_IMAGE,
    OPTION_IMAGE,
    OPTION_LOG,
    OPTION_QEMU,
    OPTION_BOOT,
    OPTION_NET,
    OPTION_IP,
    OPTION_GW,
    OPTION_DNS,
    OPTION_DNS_SEARCH,
    OPTION_MAC,
    OPTION_HOSTNAME,
};

static const struct option long_options[] = {
    {"memory", required_argument, NULL, 'm'},
    {"cpus", required_argument, NULL, OPTION_CPUS},
    {"env", required_argument, NULL, 'e'},
    {"workdir", required_argument, NULL, 'w'},
    {"root", required_argument, NULL, OPTION_ROOT},
    {"add", required_argument, NULL, OPTION_ADD},
    {"accel", required_argument, NULL, OPTION_ACCEL},
    {"no-rewrite", no_argument, NULL, OPTION_NO_REWRITE},
    {"stats", no_argument, NULL, OPTION_STATS},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {"keep-image", required_argument, NULL, OPTION_KEEP_IMAGE},
    {"image", required_argument, NULL, OPTION_IMAGE},
    {"log", required_argument, NULL, OPTION_LOG},
    {"qemu", required_argument, NULL, OPTION_QEMU},
    {"boot", required_argument, NULL, OPTION_BOOT},
    {"publish", required_argument, NULL, 'p'},
    {"net", required_argument, NULL, OPTION_NET},
    {"ip", required_argument, NULL, OPTION_IP},
    {"gw", required_argument, NULL, OPTION_GW},
    {"dns", required_argument, NULL, OPTION_DNS},
    {"dns-search", required_argument, NULL, OPTION_DNS_SEARCH},
    {"mac", required_argument, NULL, OPTION_MAC},
    {"hostname", required_argument, NULL, OPTION_HOSTNAME},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char help_text[] =
    "Usage: elfin run [OPTIONS] PROGRAM [ARGUMENTS]\n"
    "Boot PROGRAM, an unmodified Linux program for x86-64, as a virtual machine.\n"
    "\n"
    "  -m, --memory SIZE      the machine's memory: 64M, 1G, or a number of MiB\n"
    "                         (default: 256M, or more if the image is large)\n"
    "      --cpus N           the machine's processors, 1 to 8 (default: 1)\n"
    "  -e, --env NAME=VALUE   set an environment variable; the program sees these, and PATH,\n"
    "                         HOME and TERM, but nothing else of the caller's environment\n"
    "  -w, --workdir DIR      start in DIR of the guest (default: the current directory)\n"
    "      --root DIR         DIR becomes the root file system, and PROGRAM is looked up in it;\n"
    "                         nothing else is taken from this machine\n"
    "      --add PATH[:GUEST] add a file or folder of this machine, at GUEST or the same place\n"
    "  -p, --publish [ADDRESS:]HOST:GUEST[/udp]\n"
    "                         port HOST of this machine leads to port GUEST of the guest, TCP or\n"
    "                         UDP; 0 chooses a free one and says which; ranges: 8000-8009:80-89\n"
    "      --net NETWORK      user: out through this machine, in through -p only; needs no rights\n"
    "                         (default); none; tap=NAME: an interface of this machine;\n"
    "                         bridge=NAME: a port of a bridge, for root\n"
    "      --ip ADDRESS/BITS  the guest's address behind a tap or bridge, IPv4 or IPv6, up to 8\n"
    "                         (default: by DHCP)\n"
    "      --gw ADDRESS       its gateway\n"
    "      --dns ADDRESS      its name server, up to 3\n"
    "      --dns-search NAME  a domain to look up names in, up to 6\n"
    "      --mac ADDRESS      its hardware address\n"
    "      --hostname NAME    its name (default: elfin)\n"
    "      --accel WHICH      kvm, tcg (emulation), or auto: KVM where it works (default)\n"
    "      --no-rewrite       leave system calls as traps\n"
    "      --stats            at the end, print counters on stderr\n"
    "      --dry-run          print the files and the hypervisor's command line, run nothing\n"
    "      --keep-image FILE  also write the image to FILE\n"
    "      --image FILE       boot an image that --keep-image wrote, instead of PROGRAM\n"
    "      --log LEVEL        what the kernel logs on stderr: error, warn, info, debug, or\n"
    "                         subsystem:level,... (default: warn)\n"
    "      --qemu ARGUMENT    for developers: one more argument for QEMU, as it is: --qemu -s\n"
    "      --boot OPTION      for developers: one more option for the kernel: --boot selftest\n"
    "  -v, --verbose          say what is done and how long it takes\n"
    "\n"
    "Without --root the guest sees the program, its interpreter and shared libraries, what its\n"
    "Debian package and those it depends on keep beside them, a few files of /etc, and the files\n"
    "that ARGUMENTS name. It works on copies: what it writes is gone when it ends.\n"
    "Images are kept in ~/.cache/elfin/images (or $XDG_CACHE_HOME/elfin/images), at most 1 GiB,\n"
    "and used again while their files stay the same; the folder can be removed at any time.\n"
    "\n"
    "Signals sent to elfin run are the program's, and so are the keys of its terminal. SIGINT or\n"
    "SIGTERM, sent again after two seconds, ends a machine that takes no signals any more or "
    "whose\n"
    "output nobody takes.\n"
    "\n"
    "Exit status: the program's own; 128+N if signal N ended it; 125 if Elfin itself failed,\n"
    "126 if PROGRAM is nothing this can run, 127 if it or a library it needs was not found.\n";

const char *options_help(void)
{
    return help_text;
}

static int parse_memory(const char *text, uint64_t *out)
{
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    unsigned shift = 20;
    const char *unit = *end != '\0' ? strchr(units, *end & ~0x20) : NULL;
    if (unit != NULL) {
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
    }
    if (*text < '0' || *text > '9' || errno != 0 || *end != '\0') {
        return report_error(STATUS_OWN_ERROR, "-m %s: not an amount of memory" HINT, text);
    }
    if (value > MEMORY_MAX >> shift) {
        return report_error(STATUS_OWN_ERROR, "-m %s: more than the %lu GiB that are possible",
                            text, MEMORY_MAX >> 30);
    }
    *out = (value << shift) / MIB * MIB;
    if (*out < MEMORY_MIN) {
        return report_error(STATUS_OWN_ERROR,
                            "-m %s: too little memory: the kernel alone needs %lu MiB", text,
                            MEMORY_MIN / MIB);
    }
    return 0;
}

static int parse_cpus(const char *text, unsigned *out)
{
    if (*text < '1' || *text > '0' + CPUS_MAX || text[1] != '\0') {
        return report_error(STATUS_OWN_ERROR, "--cpus %s: not a number from 1 to %d" HINT, text,
                            CPUS_MAX);
    }
    *out = (unsigned)(*text - '0');
    return 0;
}

static int parse_env(const char *text, struct run_options *o)
{
    if (*text == '=' || strchr(text, '=') == NULL) {
        return report_error(STATUS_OWN_ERROR, "-e %s: not of the form NAME=VALUE" HINT, text);
    }
    words_add(&o->env, text);
    return 0;
}

static int parse_accel(const char *text, enum accel *out)
{
    if (accel_parse(text, out) != 0) {
        return report_error(STATUS_OWN_ERROR, "--accel %s: not auto, kvm or tcg" HINT, text);
    }
    return 0;
}

static int parse_cwd(const char *text, struct run_options *o)
{
    if (*text != '/') {
        return report_error(STATUS_OWN_ERROR, "-w %s: not an absolute path" HINT, text);
    }
    o->cwd = text;
    return 0;
}

static int parse_log(const char *text, struct run_options *o)
{
    if (*text == '\0' || text[strspn(text, "abcdefghijklmnopqrstuvwxyz:,")] != '\0') {
        return report_error(STATUS_OWN_ERROR, "--log %s: not a level" HINT, text);
    }
    o->log = text;
    return 0;
}

static int parse_net_option(int option, struct net_options *o)
{
    switch (option) {
    case 'p': return net_parse_port(o, optarg);
    case OPTION_NET: return net_parse_kind(o, optarg);
    case OPTION_IP: return net_parse_ip(o, optarg);
    case OPTION_GW: return net_parse_gw(o, optarg);
    case OPTION_DNS: return net_parse_dns(o, optarg);
    case OPTION_DNS_SEARCH: return net_parse_search(o, optarg);
    case OPTION_MAC: return net_parse_mac(o, optarg);
    case OPTION_HOSTNAME: return net_parse_hostname(o, optarg);
    default: return STATUS_OWN_ERROR;
    }
}

static int parse_option(int option, struct run_options *o)
{
    switch (option) {
    case 'm': return parse_memory(optarg, &o->memory);
    case 'e': return parse_env(optarg, o);
    case 'w': return parse_cwd(optarg, o);
    case 'v': o->verbose = true; return 0;
    case 'h': o->help = true; return 0;
    case OPTION_CPUS: return parse_cpus(optarg, &o->cpus);
    case OPTION_ROOT: o->root = optarg; return 0;
    case OPTION_ADD: words_add(&o->add, optarg); return 0;
    case OPTION_ACCEL: return parse_accel(optarg, &o->accel);
    case OPTION_NO_REWRITE: o->no_rewrite = true; return 0;
    case OPTION_STATS: o->stats = true; return 0;
    case OPTION_DRY_RUN: o->dry_run = true; return 0;
    case OPTION_KEEP_IMAGE: o->keep_image = optarg; return 0;
    case OPTION_IMAGE: o->image = optarg; return 0;
    case OPTION_QEMU: words_add(&o->qemu, optarg); return 0;
    case OPTION_BOOT: words_add(&o->boot, optarg); return 0;
    case OPTION_LOG: return parse_log(optarg, o);
    default: return parse_net_option(option, &o->net);
    }
}

/* word is the argument that getopt_long stumbled over. */
static int refuse_option(int option, const char *word)
{
    if (option == ':') {
        return report_error(STATUS_OWN_ERROR, "option %s needs a value" HINT, word);
    }
    if (strncmp(word, "--", 2) != 0 && optopt != 0) {
        return report_error(STATUS_OWN_ERROR, "unknown option -%c" HINT, optopt);
    }
    return report_error(STATUS_OWN_ERROR, "unknown option %s" HINT, word);
}

int options_parse(int argc, char **argv, struct run_options *out)
{
    *out = (struct run_options){.accel = ACCEL_AUTO, .cpus = 1};
    opterr = 0;
    optind = 1;
    int option;
    int status = 0;
    while (status == 0 &&
           (option = getopt_long(argc, argv, "+:m:e:w:p:vh", long_options, NULL)) != -1) {
        status = option == '?' || option == ':' ? refuse_option(option, argv[optind - 1])
                                                : parse_option(option, out);
    }
    status = status == 0 && !out->help ? net_check(&out->net) : status;
    if (status != 0 || out->help) {
        return status;
    }
    for (int i = optind; i < argc; i++) {
        words_add(&out->args, argv[i]);
    }
    if (out->image != NULL) {
        return out->args.count == 0
                   ? 0
                   : report_error(STATUS_OWN_ERROR,
                                  "--image takes no program: the image names it" HINT);
    }
    if (out->args.count == 0 || *out->args.items[0] == '\0') {
        return report_error(STATUS_OWN_ERROR, "no program to run" HINT);
    }
    return 0;
}

void options_fini(struct run_options *o)
{
    words_fini(&o->env);
    words_fini(&o->add);
    words_fini(&o->qemu);
    words_fini(&o->boot);
    words_fini(&o->args);
    net_options_fini(&o->net);
}
