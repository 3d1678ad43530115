/* SPDX-License-Identifier: MIT */
/* QEMU's microvm: a processor, memory, virtio-mmio and nothing that costs time at the start; or the
 * machine that the caller names, with the devices on PCI if it has that. Six ports of
 * one virtio-console: 0 is unused (the specification makes it special), then the streams in the
 * order of enum qemu_stream. Source: QEMU, docs/system/i386/microvm.rst; qemu(1). */
#include "tools/elfin/qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/elfin/report.h"

#define PROGRAM "qemu-system-x86_64"
#define PORTS "6"
#define MICROVM_PCI_SPACE "0xe0000000" /* PCIE_ECAM_BASE of include/hw/i386/microvm.h */

static const char *const stream_names[QEMU_STREAMS] = {"in",  "out",    "err",
                                                       "log", "events", "serial"};

int qemu_find(char **out)
{
    struct words folders = {0};
    const char *path = getenv("PATH");
    words_split(&folders, path != NULL ? path : "/usr/bin:/usr/local/bin", ":");
    *out = NULL;
    for (size_t i = 0; i < folders.count && *out == NULL; i++) {
        char *candidate = text_format("%s/" PROGRAM, folders.items[i]);
        if (access(candidate, X_OK) == 0) {
            *out = candidate;
        } else {
            free(candidate);
        }
    }
    words_fini(&folders);
    if (*out == NULL) {
        return report_error(STATUS_OWN_ERROR,
                            PROGRAM " is not on PATH (on Debian: apt install qemu-system-x86)");
    }
    return 0;
}

static void add_all(struct words *out, const char *const *words)
{
    for (; *words != NULL; words++) {
        words_add(out, *words);
    }
}

/* The machine that is asked for among the caller's arguments; NULL: ours will do. */
static const char *machine_asked(const struct words *more)
{
    for (size_t i = 0; i + 1 < more->count; i++) {
        if (strcmp(more->items[i], "-M") == 0 || strcmp(more->items[i], "-machine") == 0) {
            return more->items[i + 1];
        }
    }
    return NULL;
}

static bool is_microvm(const char *machine)
{
    return machine == NULL || strncmp(machine, "microvm", strlen("microvm")) == 0;
}

/* How the names of virtio devices end: where the machine has PCI, they are there. */
static const char *device_kind(const char *machine)
{
    bool pci = !is_microvm(machine) || (machine != NULL && strstr(machine, "pcie=on") != NULL);
    return pci ? "pci" : "device";
}

static void add_machine(const struct qemu_machine *m, struct words *out)
{
    static const char *const ours[] = {
        /* no timers, interrupt controller or clock of the PC, no firmware additions */
        "-M", "microvm,pit=off,pic=off,rtc=off,acpi=off,x-option-roms=off", NULL};
    const char *asked = machine_asked(m->more);
    if (asked == NULL) {
        add_all(out, ours);
    }
    if (is_microvm(asked)) { /* modern virtio */
        words_add(out, "-global");
        words_add(out, "virtio-mmio.force-legacy=false");
    }
    words_add(out, "-device");
    words_add_format(out, "virtio-serial-%s,max_ports=" PORTS, device_kind(asked));
}

/* Nothing but its source tells where the configuration space of a microvm's PCI lies. */
static void add_options(const struct qemu_machine *m, struct words *out)
{
    const char *asked = machine_asked(m->more);
    bool unknown = is_microvm(asked) && strcmp(device_kind(asked), "pci") == 0;
    words_add(out, "-append");
    words_add_format(out, "%s%s", m->options, unknown ? " pci_space=" MICROVM_PCI_SPACE : "");
}

static void add_port(struct text *out, const struct port *port)
{
    text_add_format(out, ",hostfwd=%s:%s:%u-" NET_USER_IP ":%u", port->udp ? "udp" : "tcp",
                    port->address, port->host, port->guest);
}

/* One network device; merged receive buffers, event index and offloads are on by default. */
static void add_network(const struct qemu_machine *m, struct words *out)
{
    const struct net *n = m->net;
    struct text back = {0};
    unsigned queues = n->tap.count;
    const char *kind = device_kind(machine_asked(m->more));
    if (n->options->kind == NET_NONE) {
        return;
    }
    if (queues == 0) {
        text_add_string(&back, "user,id=net0");
        for (size_t i = 0; i < n->options->ports.count; i++) {
            add_port(&back, &n->options->ports.items[i]);
        }
    } else {
        text_add_format(&back, "tap,id=net0,vhost=off,%s=%d", queues == 1 ? "fd" : "fds",
                        QEMU_FD_TAP);
        for (unsigned i = 1; i < queues; i++) {
            text_add_format(&back, ":%d", QEMU_FD_TAP + (int)i);
        }
    }
    words_add(out, "-netdev");
    words_add(out, back.data);
    words_add(out, "-device");
    text_fini(&back);
    text_add_format(&back, "virtio-net-%s,netdev=net0", kind);
    if (n->mac[0] != '\0') {
        text_add_format(&back, ",mac=%s", n->mac);
    }
    if (queues > 1) {
        text_add_string(&back, ",mq=on");
    }
    if (queues > 1 && strcmp(kind, "pci") == 0) { /* two a queue pair, control, configuration */
        text_add_format(&back, ",vectors=%u", 2 * queues + 2);
    }
    words_add(out, back.data);
    text_fini(&back);
}

void qemu_command(const char *program, const struct qemu_machine *m, struct words *out)
{
    static const char *const fixed[] = {
        /* nothing from configuration files, no screen; a triple fault ends it */
        "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot",
        /* paravirtual hosts stop QEMU over MSR 0x10a */
        "-cpu", "max,-arch-capabilities", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", NULL};
    words_add(out, program);
    words_add(out, "-accel"); /* emulated processors run at the same time, a thread each */
    words_add_format(out, "%s%s", accel_name(m->accel),
                     m->accel == ACCEL_TCG && m->cpus > 1 ? ",thread=multi" : "");
    add_all(out, fixed);
    add_machine(m, out);
    words_add(out, "-m");
    words_add_format(out, "%luM", m->memory >> 20);
    words_add(out, "-smp");
    words_add_format(out, "%u", m->cpus);
    for (int i = 0; i < QEMU_STREAMS; i++) {
        words_add(out, "-chardev");
        words_add_format(out, "socket,id=%s,fd=%d", stream_names[i], QEMU_FD_FIRST + i);
        words_add(out, i == QEMU_SERIAL ? "-serial" : "-device");
        if (i == QEMU_SERIAL) {
            words_add_format(out, "chardev:%s", stream_names[i]);
        } else {
            words_add_format(out, "virtserialport,nr=%d,chardev=%s", i + 1, stream_names[i]);
        }
    }
    add_network(m, out);
    words_add(out, "-kernel");
    words_add(out, m->kernel);
    words_add(out, "-initrd");
    words_add(out, m->image);
    add_options(m, out);
    for (size_t i = 0; i < m->more->count; i++) {
        words_add(out, m->more->items[i]);
    }
}

static void close_ends(int ends[][2], int n, int side)
{
    for (int i = 0; i < n; i++) {
        close(ends[i][side]);
    }
}

/* In the child: give the descriptors their numbers and become QEMU. */
static void __attribute__((noreturn))
become(const struct words *command, int ends[][2], const struct tap *tap, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0); /* the terminal's signals are the tool's business */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    bool ok = getppid() == parent && dup2(null, STDIN_FILENO) >= 0;
    for (int i = 0; i < QEMU_STREAMS && ok; i++) {
        ok = dup2(ends[i][1], QEMU_FD_FIRST + i) >= 0; /* the ends themselves lie above */
    }
    for (unsigned i = 0; i < tap->count && ok; i++) {
        ok = dup2(tap->queues[i], QEMU_FD_TAP + (int)i) >= 0;
    }
    ok = ok && dup2(ends[QEMU_STREAMS][1], STDOUT_FILENO) >= 0;
    ok = ok && dup2(ends[QEMU_STREAMS][1], STDERR_FILENO) >= 0;
    if (ok) {
        execv(command->items[0], command->items);
    }
    report_error(STATUS_OWN_ERROR, "cannot start %s: %s", command->items[0], strerror(errno));
    _exit(STATUS_OWN_ERROR);
}

/* A pair of sockets, both above the numbers that QEMU gets. */
static int make_pair(int pair[2])
{
    int fresh[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fresh) != 0) {
        return -errno;
    }
    for (int i = 0; i < 2; i++) {
        pair[i] = fcntl(fresh[i], F_DUPFD_CLOEXEC, QEMU_FD_END);
        close(fresh[i]);
    }
    return pair[0] < 0 || pair[1] < 0 ? -errno : fcntl(pair[0], F_SETFL, O_NONBLOCK);
}

int qemu_start(const struct words *command, struct net *n, struct qemu *out)
{
    int ends[QEMU_STREAMS + 1][2];
    for (int i = 0; i <= QEMU_STREAMS; i++) {
        int err = make_pair(ends[i]);
        if (err != 0) {
            return report_error(STATUS_OWN_ERROR, "no sockets for the machine: %s", strerror(-err));
        }
    }
    pid_t self = getpid();
    ports_yield(&n->options->ports);
    out->pid = fork();
    if (out->pid == 0) {
        become(command, ends, &n->tap, self);
    }
    close_ends(ends, QEMU_STREAMS + 1, 1);
    if (out->pid < 0) {
        close_ends(ends, QEMU_STREAMS + 1, 0);
        return report_error(STATUS_OWN_ERROR, "no process for the machine: %s", strerror(errno));
    }
    for (int i = 0; i < QEMU_STREAMS; i++) {
        out->stream[i] = ends[i][0];
    }
    out->messages = ends[QEMU_STREAMS][0];
    return 0;
}
