/* SPDX-License-Identifier: MIT */
/* The root: the one file that sees every layer. Starts everything in order and installs hooks.
 *
 * Runs on the boot stack with one CPU; the program gets the first thread's own stack. A failure
 * prints why and powers off with the status of Elfin's own errors. */
#include <asm/errno.h>
#include <asm/fcntl.h>

#include "fs/devfs.h"
#include "fs/eroimage.h"
#include "fs/erofs.h"
#include "fs/etc.h"
#include "fs/procfs.h"
#include "fs/ttyhost.h"
#include "fs/vnode.h"
#include "kernel/base/lock.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/crash.h"
#include "kernel/futex.h"
#include "kernel/heap.h"
#include "kernel/mmap.h"
#include "kernel/pmap.h"
#include "kernel/process.h"
#include "kernel/random.h"
#include "kernel/sched.h"
#include "kernel/selftest.h"
#include "kernel/stats.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "kernel/trap.h"
#include "loader/config.h"
#include "loader/load.h"
#include "loader/rewrite.h"
#include "loader/symbols.h"
#include "loader/vdso.h"
#include "net/net.h"
#include "net/ifacesys.h"
#include "net/netproc.h"
#include "platform/boot.h"
#include "platform/clock.h"
#include "platform/console.h"
#include "platform/cpu.h"
#include "platform/fwcfg.h"
#include "platform/moncall.h"
#include "platform/pages.h"
#include "platform/vectors.h"
#include "syscall/dispatch.h"

#define STATUS_OWN_ERROR 125
#define CONFIG_PATH "/.elfin/config"
#define CONFIG_MAX (4UL << 20)
#define LOG_SPEC_MAX 128
#define OPTION_MAX 512
#define ADDRESS_MAX 64
#define DHCP_PATIENCE_NS 5000000000UL

int main(const struct boot_info *info);
void syscall_gate(void); /* platform/entry.S */

/* One line says why: of a damaged image its reader has said it. */
NORETURN static void stop(const char *why, int err)
{
    if (err != -EUCLEAN) {
        log(BOOT, ERROR, "%s (error %d)", why, -err);
    }
    process_exit(STATUS_OWN_ERROR);
}

static void log_sink(const char *text, size_t len)
{
    console_write(CONSOLE_LOG, text, len);
}

static void panic_stop(void)
{
    console_send_status(STATUS_OWN_ERROR);
    moncall_poweroff(STATUS_OWN_ERROR);
}

static void start_log(void)
{
    char spec[LOG_SPEC_MAX];
    log_set_sink(log_sink);
    panic_set_stop(panic_stop);
    if (boot_option("log", spec, sizeof(spec)) > 0 && log_configure(spec) != 0) {
        log(BOOT, WARN, "log=%s is not a list of sub:level", spec);
    }
    log(BOOT, DEBUG, "the kernel is at %lx, memory at %lx", boot_info()->libos_base,
        boot_info()->direct_map);
}

/* Give the allocator [start, end) but for what the image and the initrd occupy. */
static void add_ram(uint64_t start, uint64_t end, uint64_t image_end)
{
    struct pa initrd;
    size_t len = 0;
    start = max(start, image_end);
    if (start >= end) {
        return;
    }
    if (boot_initrd(&initrd, &len) != 0 || len == 0) {
        pages_add((struct pa){start}, (struct pa){end});
        return;
    }
    uint64_t first = align_down(initrd.v, PAGE_SIZE);
    uint64_t last = align_up(initrd.v + len, PAGE_SIZE);
    if (first > start) {
        pages_add((struct pa){start}, (struct pa){min(first, end)});
    }
    if (last < end) {
        pages_add((struct pa){max(last, start)}, (struct pa){end});
    }
}

/* RAM above the first GiB is not in the direct map yet. */
static void map_ram_above(uint64_t direct, uint64_t start, uint64_t end)
{
    bool giga = (boot_info()->features & FEATURE_GIGA) != 0;
    uint64_t unit = giga ? 1UL << 30 : HUGE_SIZE;
    for (uint64_t pa = align_down(max(start, 1UL << 30), unit); pa < end; pa += unit) {
        struct mon_range r = {direct + pa, pa, 1, MAP_R | MAP_W | (giga ? MAP_GIGA : MAP_HUGE), 0};
        int err = moncall_map(&r, 1);
        if (err != 0) {
            stop("cannot map memory", err);
        }
    }
}

static void start_memory(void)
{
    const struct boot_info *info = boot_info();
    struct pa start;
    struct pa end;
    uint64_t top = 0;
    for (unsigned i = 0; boot_ram(i, &start, &end) == 0; i++) {
        top = max(top, end.v);
        map_ram_above(info->direct_map, start.v, end.v);
    }
    pages_init(info->direct_map, (struct pa){top});
    for (unsigned i = 0; boot_ram(i, &start, &end) == 0; i++) {
        add_ram(start.v, end.v, info->image_end_pa);
    }
    moncall_set_donate(pmap_donate);
    struct image_header *image = (struct image_header *)(uintptr_t)info->libos_base;
    struct mon_range relro = {.va = info->libos_base + image->rodata_end, .flags = MAP_R};
    relro.npages = (image->relro_end - image->rodata_end) / (uint32_t)PAGE_SIZE;
    int err = relro.npages != 0 ? moncall_protect(&relro, 1) : 0;
    if (err != 0) {
        stop("cannot protect relocated data", err);
    }
}

static const char *mapped_file_name(const struct file *f)
{
    const struct path *p = vfs_file_path(f);
    return p != NULL ? p->name : NULL;
}

/* The other CPUs that the machine has, as the host tool says. */
static void start_cpus(void)
{
    char text[8];
    uint64_t n;
    if (boot_option("cpus", text, sizeof(text)) <= 0) {
        return;
    }
    if (string_to_u64(text, &n) != 0 || n == 0 || n > MAX_CPUS) {
        log(BOOT, WARN, "cpus=%s is not a number from 1 to %u", text, (unsigned)MAX_CPUS);
        return;
    }
    for (unsigned cpu = 1; cpu < n; cpu++) {
        int err = sched_add_cpu(cpu);
        if (err != 0) {
            log(BOOT, ERROR, "CPU %u does not start (error %d): going on with %u", cpu, -err, cpu);
            return;
        }
    }
}

/* QEMU still has the image that it has loaded. */
static bool image_works(void)
{
    struct pa image;
    size_t len;
    return boot_initrd(&image, &len) == 0 && fwcfg_has_initrd(len);
}

static void start_files(void)
{
    struct pa image;
    size_t len;
    if (boot_initrd(&image, &len) != 0) {
        stop("no initial RAM disk: nothing to run", -ENOENT);
    }
    procfs_net = netproc_table;
    sysfs_class = ifacesys_table;
    int err = vfs_init(pages_map(image), image, len);
    if (err != 0) {
        process_exit(STATUS_OWN_ERROR); /* vfs_init has said why */
    }
    mmap_set_name_hook(mapped_file_name);
    static const struct eroimage_source again = {.works = image_works, .fetch = fwcfg_read_initrd};
    err = fwcfg_init();
    if (err != 0) {
        stop("no memory", err);
    }
    eroimage_set_source(&again);
    pages_set_give_hook(eroimage_give_away);
    static const struct {
        enum console_stream stream;
        unsigned flags;
    } standard[] = {{CONSOLE_OUT, O_RDONLY}, {CONSOLE_OUT, O_WRONLY}, {CONSOLE_ERR, O_WRONLY}};
    for (unsigned i = 0; i < ARRAY_LEN(standard); i++) {
        struct file *f;
        err = devfs_open_console(standard[i].stream, standard[i].flags, &f);
        if (err != 0 || fd_alloc(f, (int)i, 0) < 0) {
            stop("cannot open the console", err);
        }
    }
}

/* A configuration file of the image. Returns its text, *len bytes on the heap. */
static char *read_config_file(size_t *len)
{
    struct file *f;
    struct stat st;
    int err = vfs_open(NULL, CONFIG_PATH, O_RDONLY, 0, &f);
    if (err != 0) {
        stop("the image has no " CONFIG_PATH " and nothing behind its end", err);
    }
    err = f->ops->stat(f, &st);
    if (err != 0 || st.st_size < 0 || (uint64_t)st.st_size > CONFIG_MAX) {
        stop("cannot read " CONFIG_PATH, err != 0 ? err : -EFBIG);
    }
    *len = (size_t)st.st_size;
    char *text = heap_alloc(*len + 1);
    if (text == NULL) {
        stop("out of memory for " CONFIG_PATH, -ENOMEM);
    }
    struct iov iov = {text, *len};
    struct iov_iter it = {.iov = &iov, .n = 1, .total = *len};
    uint64_t pos = 0;
    if (f->ops->read(f, &it, &pos) != (long)*len) {
        stop("cannot read " CONFIG_PATH, -EIO);
    }
    file_put(f);
    return text;
}

/* The configuration is the text behind the end of the image; without one, a file in it. */
static void read_config(struct config *config)
{
    struct pa image;
    size_t len = 0;
    int err = boot_initrd(&image, &len);
    size_t start = erofs_len();
    char *file = NULL;
    const char *text;
    if (err == 0 && len > start) {
        text = (const char *)pages_map(image) + start;
        len -= start;
    } else {
        text = file = read_config_file(&len);
    }
    unsigned line;
    err = config_parse(text, len, config, &line);
    if (err != 0) {
        log(BOOT, ERROR, "configuration: line %u is not understood", line);
        stop("cannot use the configuration", err);
    }
    heap_free(file);
}

/* What belongs to this machine rather than to the image. */
static void override_config(struct config *config)
{
    char text[OPTION_MAX];
    for (unsigned i = 0; config_overrides[i] != NULL; i++) {
        const char *key = config_overrides[i];
        long n = boot_option(key, text, sizeof(text));
        int err = n >= 0 ? config_override(config, key, text) : n == -ENOENT ? 0 : (int)n;
        if (err != 0) {
            log(BOOT, ERROR, "option %s is not understood (error %d)", key, -err);
            process_exit(STATUS_OWN_ERROR);
        }
    }
}

static void refuse_address(const char *key, const char *text, int err)
{
    log(BOOT, ERROR, "%s=%s cannot be used (error %d)", key, text, -err);
    process_exit(STATUS_OWN_ERROR);
}

/* Addresses of the network device. With DHCP the name servers come from the network. */
static void start_network(const struct config *config)
{
    const struct config_net *net = &config->net;
    if (net->mode == CONFIG_NET_NONE) {
        return;
    }
    for (unsigned i = 0; i < net->ip.n; i++) {
        int err = net_add_address(net->ip.item[i]);
        if (err != 0) {
            refuse_address("ip", net->ip.item[i], err);
        }
    }
    for (unsigned i = 0; i < net->gw.n; i++) {
        int err = net_set_gateway(net->gw.item[i]);
        if (err != 0) {
            refuse_address("gw", net->gw.item[i], err);
        }
    }
    if (net->mode == CONFIG_NET_DHCP &&
        net_ask_dhcp(config->hostname, clock_ns() + DHCP_PATIENCE_NS) != 0) {
        log(BOOT, WARN, "DHCP has not answered yet");
    }
}

static const char *search; /* [I] domains for DHCP's name servers; NULL: none */

/* What the network names, as /etc/resolv.conf. */
static int write_servers(void)
{
    char text[CONFIG_LIST_MAX][ADDRESS_MAX];
    const char *servers[CONFIG_LIST_MAX];
    unsigned n = 0;
    while (n < CONFIG_LIST_MAX && net_dns_server(n, text[n], ADDRESS_MAX) > 0) {
        servers[n] = text[n];
        n++;
    }
    return etc_write_resolv(servers, n, search);
}

static void write_new_servers(void)
{
    int err = write_servers();
    if (err != 0) {
        log(BOOT, WARN, "cannot write new name servers to /etc/resolv.conf (error %d)", -err);
    }
}

/* The files of names that the image lacks. Programs run without them. */
static void write_names(const struct config *config)
{
    const struct config_net *net = &config->net;
    const char *servers[CONFIG_LIST_MAX];
    int err2;
    for (unsigned n = 0; n < net->dns.n; n++) {
        servers[n] = net->dns.item[n];
    }
    int err = etc_write_names(config->hostname, net->ip.n != 0 ? net->ip.item[0] : NULL);
    if (net->mode == CONFIG_NET_DHCP && net->dns.n == 0) {
        search = net->search;
        (void)net_names_changed(); /* what comes from here on is written later */
        err2 = write_servers();
        net_set_names_hook(write_new_servers);
    } else {
        err2 = etc_write_resolv(servers, net->dns.n, net->search);
    }
    if (err != 0 || err2 != 0) {
        log(BOOT, WARN, "cannot write the files of names in /etc (error %d)",
            -(err != 0 ? err : err2));
    }
}

static void enter_program(const struct config *config)
{
    process_configure(config->hostname, config->uid, config->gid, config->stack_limit);
    static const struct trap_hooks hooks = {
        .stray = rewrite_stray, .resolve = rewrite_resolve, .text = rewrite_text};
    struct frame frame;
    crash_set_symbols(symbols_describe);
    futex_init();
    thread_set_exit_hook(futex_thread_exit);
    rewrite_init((uint64_t)(uintptr_t)syscall_gate, config->rewrite);
    syscall_set_trap_hook(rewrite_site);
    mmap_set_forget_hook(rewrite_forget);
    mmap_set_text_hook(config->rewrite ? rewrite_holds_calls : NULL);
    trap_set_hooks(&hooks);
    stats_init(config->stats, rewrite_report);
    int err = loader_run(config, &frame);
    if (err != 0) {
        process_exit(err > 0 ? err : STATUS_OWN_ERROR);
    }
    log(BOOT, INFO, "boot took %lu us", (clock_ns() - CLOCK_FIRST_NS) / 1000);
    cpu_this()->kernel_rsp = thread_this()->kernel_stack_top;
    cpu_resume(&frame);
}

int main(const struct boot_info *info)
{
    struct config config;
    boot_init(info);
    cpu_init(0);
    vectors_init();
    lock_set_cpu_hook(cpu_id);
    start_log();
    start_memory();
    random_seed(info->entropy, sizeof(info->entropy));
    int err = thread_create_first();
    if (err != 0) {
        stop("no memory for the first thread", err);
    }
    clock_init();
    timer_start();
    console_init();
    ttyhost_start();
    mmap_init(info->entropy);
    char option[8];
    if (boot_option("selftest", option, sizeof(option)) >= 0) {
        process_exit(selftest_isolation() == 0 ? 0 : 1);
    }
    process_init();
    net_start();
    process_set_end_hook(net_finish);
    start_cpus();
    ttyhost_set_clock(); /* files bear the time from here on */
    start_files();
    read_config(&config);
    override_config(&config);
    start_network(&config);
    write_names(&config);
    enter_program(&config);
    return 0;
}
