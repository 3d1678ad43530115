/* SPDX-License-Identifier: MIT */
/* The tables that /proc is made of: what procfs.c joins. */
#ifndef FS_PROCTABLES_H
#define FS_PROCTABLES_H

#include "fs/textfs.h"

/* What /proc/<pid> is made of: procself.c. */
extern const struct textfs_entry procself_table[];
extern const struct textfs_numbers procfd_links, procfd_infos; /* fd, fdinfo: procfd.c */
extern const struct textfs_entry procsys_table[]; /* /proc/sys: procsys.c */

/* proc_thread: the thread that directory key is about, with a reference. A first thread that has
 * ended is still the process: the current thread stands for it. NULL: it is gone. */
struct thread *proc_thread(uint64_t key);

/* procstat.c: figures of the process and its threads. */
void procstat_stat(struct text *t, uint64_t key);
void procstat_thread_stat(struct text *t, uint64_t key);
void procstat_schedstat(struct text *t, uint64_t key);
void procstat_statm(struct text *t, uint64_t key);
void procstat_status(struct text *t, uint64_t key);
void procstat_limits(struct text *t, uint64_t key);

/* procinfo.c: the machine. */
void procinfo_cpuinfo(struct text *t, uint64_t key);
void procinfo_meminfo(struct text *t, uint64_t key);
void procinfo_slabinfo(struct text *t, uint64_t key);
void procinfo_stat(struct text *t, uint64_t key);
void procinfo_uptime(struct text *t, uint64_t key);
void procinfo_loadavg(struct text *t, uint64_t key);
void procinfo_vmstat(struct text *t, uint64_t key);

#define PROC_MOUNT_ID(dev) ((uint64_t)(dev) + 20) /* of the mount with this st_dev */

/* procmount.c: mounts. */
void procmount_mounts(struct text *t, uint64_t key);
void procmount_info(struct text *t, uint64_t key);
void procmount_filesystems(struct text *t, uint64_t key);

#endif
