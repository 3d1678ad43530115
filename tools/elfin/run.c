/* SPDX-License-Identifier: MIT */
/* From options to exit status: plan the root, write the image, start the machine, carry its
 * streams.
 * Source: the help text in options.c is the contract. */
#include "tools/elfin/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/elfin/filecopy.h"
#include "tools/elfin/hostclock.h"
#include "tools/elfin/image.h"
#include "tools/elfin/options.h"
#include "tools/elfin/qemu.h"
#include "tools/elfin/relay.h"
#include "tools/elfin/report.h"
#include "tools/elfin/rootfs.h"
#include "tools/elfin/signals.h"
#include "tools/elfin/terminal.h"

#define MIB (1UL << 20)
#define MEMORY_DEFAULT (256 * MIB)
#define MEMORY_KERNEL (3 * MIB) /* what remains besides the image, at least */
#define KERNEL_NAME "elfin-kernel"

struct run {
    struct run_options options;
    char *kernel, *hypervisor;
    char *image; /* path for the hypervisor */
    int image_fd;
    size_t image_len;
    struct qemu_machine machine;
    struct net net;
    uint64_t start, planned, written, started; /* CLOCK_MONOTONIC ns */
};

static double ms(uint64_t from, uint64_t to)
{
    return to > from ? (double)(to - from) / 1e6 : 0;
}

/* The kernel lies beside the tool, or in ../lib/elfin of an installed one. */
static int find_kernel(char **out)
{
    static const char *const places[] = {"/" KERNEL_NAME, "/../lib/elfin/" KERNEL_NAME};
    const char *given = getenv("ELFIN_KERNEL");
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    *out = given != NULL ? text_copy(given) : NULL;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && *out == NULL; i++) {
        char *path = text_format("%s%s", self, places[i]);
        if (access(path, R_OK) == 0) {
            *out = path;
        } else {
            free(path);
        }
    }
    if (*out == NULL || access(*out, R_OK) != 0) {
        return report_error(STATUS_OWN_ERROR, "the kernel is missing: %s",
                            given != NULL ? given : KERNEL_NAME " is not beside this program");
    }
    return 0;
}

static int keep_image(const struct run *r)
{
    const char *path = r->options.keep_image;
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    int err = path != NULL && fd < 0 ? -errno : 0;
    if (fd >= 0) {
        err = filecopy(r->image_fd, fd, r->image_len);
        err = close(fd) != 0 && err == 0 ? -errno : err;
    }
    return err == 0 ? 0
                    : report_error(STATUS_OWN_ERROR, "--keep-image %s: %s", path, strerror(-err));
}

static int open_image(struct run *r)
{
    struct stat st;
    r->image = text_copy(r->options.image);
    r->image_fd = open(r->image, O_RDONLY | O_CLOEXEC);
    if (r->image_fd < 0 || fstat(r->image_fd, &st) != 0) {
        return report_error(STATUS_OWN_ERROR, "--image %s: %s", r->image, strerror(errno));
    }
    r->image_len = (size_t)st.st_size;
    return S_ISREG(st.st_mode) && r->image_len != 0
               ? 0
               : report_error(STATUS_OWN_ERROR, "--image %s: no image", r->image);
}

/* The image is a file without a name, which the hypervisor opens through this process. */
static int build_image(struct run *r, struct tree *t)
{
    if (r->options.image != NULL) {
        return open_image(r);
    }
    struct text config = {0};
    int status = rootfs_plan(t, &r->options, &config);
    r->planned = hostclock_now(CLOCK_MONOTONIC);
    r->image_fd = status == 0 ? memfd_create("elfin-image", MFD_CLOEXEC) : -1;
    if (status == 0 && r->image_fd < 0) {
        status = report_error(STATUS_OWN_ERROR, "no room for the image: %s", strerror(errno));
    }
    status = status == 0 ? image_make(t, &config, r->image_fd, &r->image_len) : status;
    text_fini(&config);
    r->image = text_format("/proc/%d/fd/%d", getpid(), r->image_fd);
    r->written = hostclock_now(CLOCK_MONOTONIC);
    return status == 0 ? keep_image(r) : status;
}

static int choose_memory(struct run *r)
{
    uint64_t image = (r->image_len + MIB - 1) / MIB * MIB;
    uint64_t memory = r->options.memory;
    if (memory == 0) {
        memory = MEMORY_DEFAULT + (image > MEMORY_DEFAULT / 4 ? image : 0);
    }
    if (memory < image + MEMORY_KERNEL) {
        return report_error(STATUS_OWN_ERROR,
                            "-m %luM: too little memory: kernel and image alone need %lu MiB",
                            memory / MIB, (image + MEMORY_KERNEL) / MIB);
    }
    r->machine.memory = memory;
    return 0;
}

/* The kernel's command line. The seed stands first and has 16 digits: the monitor reads it by
 * place. */
static char *kernel_options(const struct run *r)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        seed = hostclock_now(CLOCK_REALTIME) ^ (uint64_t)getpid() << 40;
    }
    struct text out = {0};
    text_add_format(&out, "seed=%016lx now=%lu tsc_khz=%lu", seed, hostclock_now(CLOCK_REALTIME),
                    hostclock_tsc_khz());
    if (r->options.cpus > 1) {
        text_add_format(&out, " cpus=%u", r->options.cpus);
    }
    if (r->options.log != NULL || r->options.verbose) {
        text_add_format(&out, " log=%s", r->options.log != NULL ? r->options.log : "boot:info");
    }
    for (size_t i = 0; i < r->options.boot.count; i++) {
        text_add_format(&out, " %s", r->options.boot.items[i]);
    }
    if (r->options.image != NULL && r->options.net.given) {
        net_override(&r->options.net, &out);
    }
    signals_describe(&out);
    terminal_describe(&out);
    return out.data;
}

static int print_node(const struct tree_node *node, void *arg)
{
    (void)arg;
    printf("%s%s%s%s%s\n", node->path, node->source != NULL ? "  from " : "",
           node->source != NULL ? node->source : "", node->target != NULL ? "  -> " : "",
           node->target != NULL ? node->target : "");
    return 0;
}

static void print_plan(struct run *r, struct tree *t, const struct words *command)
{
    tree_walk(t, print_node, NULL);
    for (size_t i = 0; i < command->count; i++) {
        printf("%s%s", command->items[i], i + 1 < command->count ? " " : "\n");
    }
    printf("image: %zu bytes\n", r->image_len);
}

static void report_phases(const struct run *r, const struct relay_times *t)
{
    report_detail("%.1f ms until the image was planned, %.1f ms to make its %zu KiB",
                  ms(r->start, r->planned), ms(r->planned, r->written), r->image_len / 1024);
    report_detail("from the start of QEMU: %.1f ms to the kernel's first message, "
                  "%.1f ms to the first output, %.1f ms to the exit status, %.1f ms to the end",
                  ms(r->started, t->first_log), ms(r->started, t->first_output),
                  ms(r->started, t->status), ms(r->started, t->end));
}

/* The network is opened after the image was made: a process that makes it would keep the ports. */
static int start(struct run *r, struct tree *t)
{
    const char *why;
    struct words command = {0};
    r->machine.accel = r->options.accel;
    int status = accel_choose(&r->machine.accel, &why);
    status = status == 0 ? choose_memory(r) : status;
    status =
        status == 0 ? net_open(&r->net, &r->options.net, r->options.cpus, QEMU_FD_END) : status;
    if (status != 0) {
        return status;
    }
    report_detail("%s, because %s", accel_name(r->machine.accel), why);
    char *options = kernel_options(r);
    r->machine.cpus = r->options.cpus;
    r->machine.kernel = r->kernel;
    r->machine.image = r->image;
    r->machine.options = options;
    r->machine.net = &r->net;
    r->machine.more = &r->options.qemu;
    qemu_command(r->hypervisor, &r->machine, &command);
    struct qemu qemu;
    struct relay_times times = {0};
    if (r->options.dry_run) {
        print_plan(r, t, &command);
    } else {
        r->started = hostclock_now(CLOCK_MONOTONIC);
        status = qemu_start(&command, &r->net, &qemu);
        status = status == 0 ? relay_run(&qemu, &r->options.net.ports, &times) : status;
        report_phases(r, &times);
    }
    words_fini(&command);
    free(options);
    return status;
}

/* A closed standard stream would make the next file opened take its place. */
static void keep_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) {
            _exit(STATUS_OWN_ERROR);
        }
    }
}

static int run(struct run *r)
{
    struct tree tree = {0};
    int status = find_kernel(&r->kernel);
    status = status == 0 ? qemu_find(&r->hypervisor) : status;
    if (status != 0) {
        return status;
    }
    status = build_image(r, &tree);
    status = status == 0 ? start(r, &tree) : status;
    tree_fini(&tree);
    net_close(&r->net);
    return status;
}

int run_main(int argc, char **argv)
{
    struct run r = {.image_fd = -1, .start = hostclock_now(CLOCK_MONOTONIC)};
    hostclock_start();
    keep_standard_streams();
    int status = options_parse(argc, argv, &r.options);
    if (status == 0 && r.options.help) {
        fputs(options_help(), stdout);
    } else if (status == 0) {
        report_set_verbose(r.options.verbose);
        status = run(&r);
    }
    image_finish();
    options_fini(&r.options);
    free(r.kernel);
    free(r.hypervisor);
    free(r.image);
    return status;
}
